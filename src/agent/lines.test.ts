import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineBuffer } from './lines.ts';

function linesOf(chunks: Buffer[], longest?: number): { lines: string[]; isWhole: boolean } {
  const lines: string[] = [];
  const buffer = new LineBuffer((line) => lines.push(line), longest);
  for (const chunk of chunks) buffer.add(chunk);
  buffer.end();
  return { lines, isWhole: buffer.isWhole };
}

describe('the lines of a stream', () => {
  test('are the same wherever it is cut, in the middle of a character too', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ' '))),
        fc.array(fc.nat(200), { maxLength: 5 }),
        (written, cuts) => {
          const bytes = Buffer.from(written.join('\n'));
          const at = [
            0,
            ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
            bytes.length,
          ];
          const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
          const lines = written.filter((line) => line.trim() !== '');
          expect(linesOf(chunks)).toEqual({ lines, isWhole: true });
        },
      ),
    );
  });

  test('pass over one that is too long, whole, go on after it, and tell so', () => {
    const chunks = ['short\nmuch too ', 'long for ', 'us\nshort again\n'].map((text) => Buffer.from(text));
    expect(linesOf(chunks, 12)).toEqual({ lines: ['short', 'short again'], isWhole: false });
  });
});
