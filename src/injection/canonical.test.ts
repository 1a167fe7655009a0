import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anything } from './arbitraries.ts';
import { canonical, canonicalBytes } from './canonical.ts';

describe('canonical', () => {
  it('has the fields in order, texts with their length, and nothing that is null or empty', () => {
    const value = { b: [1, 'x', { c: null }], a: { 'long-name-of-it': true, z: '' }, n: null, e: { f: [] } };
    expect(canonical(value)).toBe('{1:a={15:long-name-of-it=true,1:z=0:,},1:b=[1,1:x,,],}');
  });

  it('is the same for the same fields in another order, be they few or many', () => {
    const fields = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 60, size: 'max' });
    fc.assert(
      fc.property(fields, (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(canonical(reversed)).toBe(canonical(object));
      }),
      { numRuns: 50 },
    );
  });

  it('says what is in it in UTF-8, its length in the units of JavaScript', () => {
    expect(canonical({ ü: '☃𝒳' })).toBe('{1:ü=3:☃𝒳,}');
  });

  it.each([
    ['one long text', 'x'.repeat(300_000)],
    ['one long text that is not ASCII', '☃'.repeat(300_000)],
    ['many short ones', Array.from({ length: 100_000 }, () => 'xy')],
    ['nothing but commas', Array.from({ length: 300_000 }, () => null)],
  ])('loses nothing of what is longer than its buffer: %s', (_, long) => {
    const entries = Array.isArray(long) ? long : [long];
    const whole = entries.map((entry) => (entry === null ? ',' : `${entry.length}:${entry},`)).join('');
    expect(canonical(entries) === `[${whole}]`).toBe(true);
  });

  it('leaves nothing of one value to the next', () => {
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        const first = canonical(a);
        canonical(b);
        expect(canonical(a)).toBe(first);
      }),
    );
    const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    expect(() => canonical(deep)).toThrow(RangeError);
    expect(canonical('x')).toBe('1:x');
  });

  it('is written as a shape has it, in the objects of a list too', () => {
    const inner = new Map([
      ['mode', { said: (mode: unknown) => (mode === 420 ? undefined : mode), shape: undefined }],
    ]);
    const shape = new Map([['files', { said: undefined, shape: inner }]]);
    const written = (value: unknown) => Buffer.from(canonicalBytes(value, shape)).toString();
    expect(written({ files: [{ mode: 420 }, { mode: 256 }], mode: 420 })).toBe(
      '{5:files=[,{4:mode=256,},],4:mode=420,}',
    );
  });
});
