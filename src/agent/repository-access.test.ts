import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Repository, RepositorySpec } from '../api/repository.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { Agent } from './agent.ts';
import { openRepository } from './repository-access.ts';

let secrets: string;

beforeEach(async () => {
  secrets = await mkdtemp(join(tmpdir(), 'stash-secrets-'));
  await mkdir(join(secrets, 'shop'));
});

afterEach(async () => {
  await rm(secrets, { recursive: true });
});

async function open(backend: Partial<RepositorySpec['backend']>, keys: Record<string, string>) {
  for (const [key, value] of Object.entries(keys)) await writeFile(join(secrets, 'shop', key), value);
  const repository = {
    metadata: { name: 'shop', namespace: 'demo' },
    spec: { backend: { ...backend, storageSecretName: 'shop-secret' } },
  } as Repository;
  const agent = {
    identity: { podName: 'web-1', podUID: 'uid', namespace: 'demo', nodeName: 'node-b' },
    paths: { secrets, scratch: '/stash/scratch' },
    clock: manualClock(),
    programPath: '/usr/bin',
    environment: { AWS_ROLE_ARN: 'arn', HTTPS_PROXY: 'http://elsewhere' },
    secretWaitMs: 0,
  } as Partial<Agent> as Agent;
  return await openRepository(agent, repository, new AbortController().signal, () => {});
}

describe('the access to a repository', () => {
  it('has the keys of the Secret in variables, and those of a cloud where there are none', async () => {
    const access = await open({ s3: { bucket: 'shop', maxConnections: 2 } }, { RESTIC_PASSWORD: 'password' });
    expect(access.env).toMatchObject({
      RESTIC_REPOSITORY: 's3:https://s3.amazonaws.com/shop',
      RESTIC_PASSWORD_FILE: join(secrets, 'shop', 'RESTIC_PASSWORD'),
      AWS_ROLE_ARN: 'arn',
    });
    expect(access.env).not.toHaveProperty('HTTPS_PROXY');
    expect(access.options).toEqual(['--option=s3.connections=2']);
    expect(access.secrets).toEqual(['password']);
  });

  it('knows of a directory of the node that others have one of their own', async () => {
    const keys = { RESTIC_PASSWORD: 'password' };
    const onNode = { local: { hostPath: { path: '/srv/backups' }, mountPath: secrets } };
    expect(await open(onNode, keys)).toMatchObject({ hostPath: { path: '/srv/backups', node: 'node-b' } });
    const claim = { local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: secrets } };
    expect(await open(claim, keys)).not.toHaveProperty('hostPath');
  });

  it.each<[string, Partial<RepositorySpec['backend']>, Record<string, string>, string, string]>([
    [
      'no Secret',
      { b2: { bucket: 'shop-backup' } },
      {},
      'SecretMissing',
      'Secret shop-secret of Repository shop in namespace demo is missing or empty; make it with the keys RESTIC_PASSWORD and B2_ACCOUNT_ID and B2_ACCOUNT_KEY',
    ],
    [
      'a Secret without the password',
      { local: { persistentVolumeClaim: { claimName: 'backups' } } },
      { AWS_ACCESS_KEY_ID: 'id' },
      'SecretIncomplete',
      'lacks the key RESTIC_PASSWORD, with a value that is text and not empty, for the backend local; its keys are AWS_ACCESS_KEY_ID',
    ],
    [
      'half of the credentials',
      { s3: { bucket: 'shop' } },
      { RESTIC_PASSWORD: 'password', AWS_ACCESS_KEY_ID: 'id' },
      'SecretIncomplete',
      'lacks the key AWS_SECRET_ACCESS_KEY',
    ],
    [
      'a volume that is not mounted',
      { local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/does/not/exist' } },
      { RESTIC_PASSWORD: 'password' },
      'RepositoryNotMounted',
      'is not mounted at /does/not/exist in this pod',
    ],
  ])('is refused with %s, before restic starts', async (_, backend, keys, reason, message) => {
    const failure = await open(backend, keys).catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason, message: expect.stringContaining(message) });
  });
});
