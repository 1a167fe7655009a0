import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { databaseOf, dumpPath, isLeftOut } from './pg-dump.ts';
import { withoutInHead } from './pg-head.ts';

const existing = { user: 'postgres', roles: ['postgres', 'Odd "Role'], databases: ['postgres', 'shop'] };

/** What is left of `dump`, which comes in pieces of `size` bytes. */
function played(dump: string, database: string, size = 7): Promise<string> {
  const bytes = Buffer.from(dump);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  return text(
    Readable.from(pieces).pipe(withoutInHead((statement) => isLeftOut(statement, database, existing))),
  );
}

const roles = [
  "-- Role isn't",
  'CREATE ROLE "Odd ""Role";',
  'ALTER ROLE "Odd ""Role" WITH LOGIN;',
  'CREATE ROLE app;',
  'CREATE ROLE postgres;',
  "ALTER ROLE postgres WITH SUPERUSER PASSWORD 'x';",
  "COMMENT ON ROLE app IS 'one",
  'CREATE ROLE postgres;',
  "\\connect shop';",
  'CREATE DATABASE shop WITH TEMPLATE = template0;',
  '\\connect shop',
  'CREATE ROLE postgres;',
  '',
];

test('roles that are there are not created, and the one that restores stays as it is, in the head alone', async () => {
  const dropped = [1, 4, 5];
  const left = roles.filter((_, index) => !dropped.includes(index)).join('\n');
  expect(await played(roles.join('\n'), '')).toBe(left);
});

test('the one database is not created where it is there, and its data is left as it is', async () => {
  const create = 'CREATE DATABASE shop WITH TEMPLATE = template0;\n';
  const rest = `CREATE TABLE t (x text);\nCOPY t FROM stdin;\n${create}\\.\n`;
  expect(await played(`SET a = 0;\n${create}${rest}`, 'shop')).toBe(`SET a = 0;\n${rest}`);
  expect(await played(`SET a = 0;\n${create}`, 'other')).toBe(`SET a = 0;\n${create}`);
});

test('the size of the pieces that a dump comes in changes nothing', async () => {
  const whole = await played(roles.join('\n'), '', 10_000);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (size) => {
      expect(await played(roles.join('\n'), '', size)).toBe(whole);
    }),
  );
});

test('the path of a dump tells its database, whatever the name', () => {
  expect([dumpPath(''), dumpPath('shop'), dumpPath('all-databases'), dumpPath('a/b')]).toEqual([
    '/all-databases.sql',
    '/shop.sql',
    '/%61ll-databases.sql',
    '/a%2Fb.sql',
  ]);
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      expect(databaseOf(dumpPath(name))).toBe(name);
    }),
  );
});
