// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTemplate } from './template.ts';

const braces = (name: string, fallback?: string) => ({
  name,
  syntax: 'braces',
  ...(fallback !== undefined && { fallback }),
});
const parentheses = (name: string) => ({ name, syntax: 'parentheses' });

describe('parseTemplate', () => {
  it.each([
    ['', []],
    ['plain', ['plain']],
    ['${a}', [braces('a')]],
    ['$(a)', [parentheses('a')]],
    ['--x=${out-dir}/$(b)!', ['--x=', braces('out-dir'), '/', parentheses('b'), '!']],
    ['${target.name}', [braces('target.name')]],
    ['${a:=b c}', [braces('a', 'b c')]],
    ['${a:=}', [braces('a', '')]],
    ['${a:=http://x:80/?y=z}', [braces('a', 'http://x:80/?y=z')]],
    ['$$', ['$']],
    ['$${a}', ['${a}']],
    ['$$(a)', ['$(a)']],
    ['$$${a}', ['$', braces('a')]],
    ['$HOME $(date +%s) $1 $', ['$HOME $(date +%s) $1 $']],
    ['{a} (b)', ['{a} (b)']],
  ])('reads %j', (text, parts) => {
    expect(parseTemplate(text)).toEqual({ parts, faults: [] });
  });

  it.each([
    ['${', '"${" is no variable'],
    ['${}', '"${}" is no variable'],
    ['${a', '"${a" is no variable'],
    ['${a b}', '"${a b}" is no variable'],
    ['${1a}', '"${1a}" is no variable'],
    ['${a:-b}', '"${a:-b}" is no variable'],
    ['${a:={}}', '"${a:={}" is no variable'],
    ['$(a:=b)', '"$(a:=b)" is no variable; a default is written with braces'],
    ['${a:=$(b)}', 'the default of "a" has a variable in it'],
    ['${a:=${b}}', 'the default of "a" has a variable in it'],
    ['${a:=${a}}', 'the default of "a" has a variable in it'],
  ])('says what is wrong with %j', (text, fault) => {
    expect(parseTemplate(text).faults).toEqual([expect.stringContaining(fault)]);
  });

  it('reads any text back that is written with every $ twice', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('$', '{', '}', '(', ')', 'a', ':', '=', '\n') }),
        (text) => {
          const { parts, faults } = parseTemplate(text.replaceAll('$', '$$$$'));
          expect(faults).toEqual([]);
          expect(parts.join('')).toBe(text);
        },
      ),
    );
  });
});
