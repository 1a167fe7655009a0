import { expect, test } from 'vitest';
import { createdDatabases } from './pg-created.ts';

/** The databases that `lines` create. */
function created(...lines: string[]): string[] {
  const names: string[] = [];
  const read = createdDatabases((name) => names.push(name));
  for (const line of lines) read(line);
  return names;
}

const other = 'CREATE DATABASE other WITH TEMPLATE = template0;';

test('all databases that a dump creates are told, wherever in it', () => {
  expect(
    created(
      ...[
        "-- Name: it's; Type: DATABASE",
        'CREATE DATABASE shop WITH TEMPLATE = template0;',
        '\\connect shop',
      ],
      ...['COPY public."FROM stdin;" (text) FROM stdin;', "don't", '\\.'],
      'CREATE DATABASE "Odd ""Name" WITH TEMPLATE = template0;',
      other,
    ),
  ).toEqual(['shop', 'Odd "Name', 'other']);
});

test.each([
  ['a row', ['COPY public.t (x) FROM stdin;', other, 'COPY public.t (x) FROM stdin;', other, '\\.']],
  ['a row of a column with an odd name', ['COPY public.t ("a', 'b") FROM stdin;', other, '\\.']],
  ['the body of a function', ["CREATE FUNCTION f() AS $_$ SELECT '", other, '$$', other, '$_$;']],
  ['a text', ["COMMENT ON TABLE t IS 'one''s", other, "-- ';"]],
  ['a name', ['CREATE TABLE "t', other, '" ();']],
  ['a comment', [`-- ${other}`]],
])('%s that looks like it creates none', (_, lines) => {
  expect(created(...lines)).toEqual([]);
  expect(created(...lines, other)).toEqual(['other']);
});
