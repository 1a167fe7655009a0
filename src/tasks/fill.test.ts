// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fill } from './fill.ts';
import { expandedByKubernetes } from './kubernetes-expansion.fixture.ts';

const filled = (
  text: string,
  values: Record<string, string>,
  { isExpanded = true, environment = [] as string[] } = {},
) => {
  const problems: string[] = [];
  const { text: result } = fill(text, {
    find: (name) => (Object.hasOwn(values, name) ? { text: values[name] ?? '' } : undefined),
    isExpanded,
    environment: new Set(environment),
    report: (message) => problems.push(message),
    advice: () => 'give it',
  });
  return { result, problems };
};

/** Texts of all that Kubernetes, a shell and we read as more than itself. */
const awkward = fc.oneof(
  fc.string({
    unit: fc.constantFrom('$', '{', '}', '(', ')', 'a', 'A', ':', '=', '"', "'", '\n', '`', ';', ' '),
  }),
  fc.constantFrom('$(A)', '${a}', '$$(A)', '$', '$$', '$(a', '${b:=c}'),
);

describe('fill', () => {
  it.each([
    ['--path=${a}', { a: 'x' }, '--path=x'],
    ['${a}${b}', { a: '$', b: '(A)' }, '$$(A)'],
    ['${a:=y}', {}, 'y'],
    ['${a:=y}', { a: '' }, 'y'],
    ['${a}', { a: '' }, ''],
    ['$(a)', { a: 'x' }, 'x'],
    ['$(A)', { A: 'variable' }, '$(A)'],
    ['$(date +%s)', {}, '$$(date +%s)'],
    ['$HOME', {}, '$HOME'],
    ['$$(A)', {}, '$$(A)'],
  ])(
    'makes of %j with %j %j, where Kubernetes expands and A is in the environment',
    (text, values, expected) => {
      expect(filled(text, values as Record<string, string>, { environment: ['A'] })).toEqual({
        result: expected,
        problems: [],
      });
    },
  );

  it('leaves a value as it is where Kubernetes expands nothing', () => {
    expect(filled('${a}', { a: '$(A)$$' }, { isExpanded: false, environment: ['A'] }).result).toBe('$(A)$$');
  });

  it('looks for a variable among the values where Kubernetes would not expand it', () => {
    const { problems } = filled('$(A)', {}, { isExpanded: false, environment: ['A'] });
    expect(problems).toEqual(['the variable $(A) is found nowhere; give it']);
  });

  it('brings every value to the container as it was', () => {
    fc.assert(
      fc.property(awkward, awkward, awkward, (before, value, after) => {
        const literal = (text: string) => text.replaceAll('$', '$$$$');
        const text = `${literal(before)}\${v}${literal(after)}$(A)\${v}`;
        const { result, problems } = filled(text, { v: value }, { environment: ['A'] });
        expect(problems).toEqual([]);
        const arrived = expandedByKubernetes(result, { A: '<A>' });
        expect(arrived).toBe(`${before}${value}${after}<A>${value}`);
      }),
    );
  });

  it('puts a value in once, and never looks into it', () => {
    fc.assert(
      fc.property(awkward, (value) => {
        const asked: string[] = [];
        const { text } = fill('${v}', {
          find: (name) => {
            asked.push(name);
            return { text: value };
          },
          isExpanded: false,
          environment: new Set(['A']),
          report: (message) => expect.fail(message),
          advice: () => '',
        });
        expect([text, asked]).toEqual([value, ['v']]);
      }),
    );
  });
});
