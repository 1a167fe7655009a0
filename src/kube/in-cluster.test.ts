import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { inClusterEndpoint } from './in-cluster.ts';
import { manualClock } from './manual-clock.fixture.ts';

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

async function mount(): Promise<{ directory: string; write: (token: string) => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'serviceaccount-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const write = (token: string): Promise<void> => writeFile(join(directory, 'token'), token);
  await writeFile(join(directory, 'ca.crt'), 'the CA');
  await write('first\n');
  return { directory, write };
}

test.each([
  ['10.96.0.1', 'https://10.96.0.1:443'],
  ['fd00::1', 'https://[fd00::1]:443'],
])('the API server at %s has the URL %s', (host, server) => {
  expect(inClusterEndpoint({ env: { ...env, KUBERNETES_SERVICE_HOST: host } }).server).toBe(server);
});

test('a process that is not in a pod is told so', () => {
  expect(() => inClusterEndpoint({ env: {} })).toThrow('this process is not in a pod');
});

test('the token is read again when it is a minute old, and at once when the server refused it', async () => {
  const { directory, write } = await mount();
  const clock = manualClock();
  const endpoint = inClusterEndpoint({ env, directory, clock });
  const token = async (renew = false) => (await endpoint.credentials(renew)).headers;
  expect(await endpoint.credentials(false)).toEqual({
    ca: 'the CA',
    headers: { authorization: 'Bearer first' },
  });
  await write('second');
  await clock.advance(59_000);
  expect(await token()).toEqual({ authorization: 'Bearer first' });
  await clock.advance(1_000);
  expect(await token()).toEqual({ authorization: 'Bearer second' });
  await write('third');
  expect(await token(true)).toEqual({ authorization: 'Bearer third' });
});

test('a mount that is gone for a moment leaves the last token in use', async () => {
  const { directory, write } = await mount();
  const clock = manualClock();
  const endpoint = inClusterEndpoint({ env, directory, clock });
  await endpoint.credentials(false);
  await rm(join(directory, 'token'));
  await clock.advance(61_000);
  expect((await endpoint.credentials(false)).headers).toEqual({ authorization: 'Bearer first' });
  await write('second');
  expect((await endpoint.credentials(false)).headers).toEqual({ authorization: 'Bearer second' });
});
