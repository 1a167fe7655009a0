import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresAccess, sslModeOf } from './pg-connection.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stash-pg-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['http', '', 'true', false, 'prefer'],
  ['postgresql', '', 'true', false, 'require'],
  ['https', '', 'true', true, 'require'],
  ['http', '', '', true, 'verify-full'],
  ['https', '', '', false, 'verify-full'],
  ['postgresql', '', '', false, 'prefer'],
  ['postgresql', 'sslmode=disable', 'true', false, 'disable'],
])(
  'scheme %s, query "%s", skip "%s", caBundle %s: %s',
  (scheme, query, insecureSkipTLSVerify, hasBundle, mode) => {
    expect(sslModeOf({ scheme, query, insecureSkipTLSVerify }, hasBundle)).toBe(mode);
  },
);

const address = { scheme: '', query: '', insecureSkipTLSVerify: '' };

test('a CA and a pgpass become files that nobody else reads, and its passwords are secrets', async () => {
  const pem = '-----BEGIN CERTIFICATE-----\n';
  const environment = {
    PGHOST: 'db',
    PGUSER: 'me',
    PGPASS: 'db:5432:*:me:a\\:b',
    CA_BUNDLE: Buffer.from(pem).toString('base64'),
    OTHER: 'x',
  };
  const { env, secrets } = await postgresAccess(environment, address, folder);
  expect(env).toMatchObject({ PGHOST: 'db', PGSSLMODE: 'verify-full' });
  expect(env).not.toHaveProperty('OTHER');
  expect(await readFile(env.PGSSLROOTCERT ?? '', 'utf8')).toBe(pem);
  expect((await stat(env.PGPASSFILE ?? '')).mode & 0o777).toBe(0o600);
  expect(secrets).toContain('a:b');
});

test('what the AppBinding lacks is told by name', async () => {
  await expect(postgresAccess({}, address, folder)).rejects.toMatchObject({ reason: 'AppBindingInvalid' });
  await expect(postgresAccess({ PGHOST: 'db' }, address, folder)).rejects.toMatchObject({
    reason: 'CredentialsMissing',
  });
});
