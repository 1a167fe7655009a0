import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ExactNumber, parseExactly } from './exact-json.ts';
import { yamlOf } from './yaml.ts';

describe('yamlOf', () => {
  it('writes an object of the API as a person would', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web', namespace: 'demo', labels: { 'app.kubernetes.io/name': 'web' } },
      data: {
        'nginx.conf': 'server {\n  listen 80;\n\n}\n',
        script: '#!/bin/sh\nexit 0',
        port: '8080',
        on: 'yes',
      },
      items: [{ name: 'a', args: ['--x', 'y: z'] }, [1, 2.5], [], {}, null, true],
    };
    expect(yamlOf(object)).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  namespace: demo
  labels:
    app.kubernetes.io/name: web
data:
  nginx.conf: |
    server {
      listen 80;

    }
  script: |-
    #!/bin/sh
    exit 0
  port: "8080"
  "on": "yes"
items:
  - name: a
    args:
      - "--x"
      - "y: z"
  - - 1
    - 2.5
  - []
  - {}
  - null
  - true
`);
  });

  it.each([
    ['\u0085'],
    ['a\u2028b\n'],
    ['\ufeffa'],
    ['a\n\n'],
    [' a\nb'],
    ['a\r\nb\n'],
    ['\ta\nb'],
    ['12:30'],
    ['1e3'],
    ['0x1f'],
    ['2001-01-01'],
    ['~'],
    ['='],
    ['a\n---\nb\n'],
    ['a: b\n# c\n'],
    ['😀\nb'],
    ['😀\u007f'],
    ['a\n \n b '],
  ])('writes %j such that it reads the same', (text) => {
    for (const version of ['1.1', '1.2'] as const) {
      expect(parse(yamlOf({ deep: [{ text }] }), { version })).toEqual({ deep: [{ text }] });
    }
  });

  it('writes what reads as the same values, whatever they are', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc
        .array(fc.string({ unit: fc.constantFrom(...'a: #-|>\t\'"{[&*!%@`,?y1.\r\u0085\u2028\ufeff') }))
        .map((lines) => lines.join('\n')),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('map'),
      ),
      list: fc.array(tie('value'), { maxLength: 4 }),
      map: fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    }));
    fc.assert(
      fc.property(value, (any) => {
        for (const version of ['1.1', '1.2'] as const) {
          // The merge key is of YAML 1.1 alone, and quoted here.
          expect(parse(yamlOf({ any }), { version, merge: false })).toEqual({ any });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes keys of any length', () => {
    const key = 'k'.repeat(2000);
    expect(parse(yamlOf({ a: { [key]: { b: 1 }, c: 2 } }))).toEqual({ a: { [key]: { b: 1 }, c: 2 } });
  });
});

describe('parseExactly', () => {
  it('keeps the digits of every number', () => {
    const text = '{"a":9223372036854775807,"b":[0.1,12345678901234567890.5,1e400],"c":3}';
    const read = parseExactly(text) as Record<string, unknown>;
    expect(read).toEqual({
      a: new ExactNumber('9223372036854775807'),
      b: [0.1, new ExactNumber('12345678901234567890.5'), new ExactNumber('1e400')],
      c: 3,
    });
    expect(yamlOf(read)).toContain('a: 9223372036854775807\n');
    expect(parseExactly('{"a":1}')).toEqual({ a: 1 });
  });
});
