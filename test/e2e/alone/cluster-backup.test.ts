import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findCondition } from '../../../src/api/conditions.ts';
import { BACKUP_CONFIGURATIONS } from '../../../src/api/resources.ts';
import { type Pod, useNamespace } from '../cluster.ts';
import { kubectl, tryKubectl } from '../kubectl.ts';
import { backupSession, DATA, deployment, repository } from '../objects.ts';

/* The objects of the cluster itself, by the sample, as an account that may read most of them. */

const namespace = useNamespace('e2e-cluster-backup');
const configuration = 'cluster-backup-demo';
const account = 'cluster-reader';
/** Of the whole cluster: it goes with the tests. */
const binding = 'e2e-cluster-backup-view';

/** In a container that has the claim of the repository where others have their data, and nobody writes to it. */
const resticScript = `
const { spawnSync } = require('node:child_process');
const env = { ...process.env, RESTIC_PASSWORD: process.argv[1], TMPDIR: '/tmp' };
const args = ['--no-cache', '--no-lock', '--repo=${DATA}/cluster', ...process.argv.slice(2)];
process.exitCode = spawnSync('restic', args, { env, stdio: 'inherit' }).status;
`;

let holder: Pod;
const restic = (...args: string[]) =>
  namespace.node(holder, resticScript, 'reader', namespace.password, ...args);

beforeAll(async () => {
  const reader = {
    name: 'reader',
    image: 'stash:0.1.0',
    command: ['node', '-e', "process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1e6)"],
    // The snapshots are those of another user.
    securityContext: { runAsUser: 0, runAsNonRoot: false },
  };
  await namespace.apply(
    repository('stash-backup-repo', { subPath: 'cluster' }),
    deployment('reader', { claim: 'backups', container: reader }),
  );
  const at = ['-n', namespace.name];
  await kubectl('create', ...at, 'configmap', 'known', '--from-literal=key=precious');
  const sample = await readFile(new URL('../samples/10-backup-cluster.yaml', import.meta.url), 'utf8');
  const here = sample.replace('namespace: demo', `namespace: ${namespace.name}`);
  expect(await tryKubectl(['create', '-f', '-'], here)).toMatchObject({ status: 0 });
  [holder] = (await namespace.settled('reader')) as [Pod];
});

afterAll(async () => {
  await kubectl('delete', 'clusterrolebinding', binding, '--ignore-not-found');
});

describe('a backup of the cluster', () => {
  it('is Failed where the account of its Job may read nothing', async () => {
    await namespace.apply(backupSession('blind', configuration));
    const { status } = await namespace.backupEnded('blind', 'Failed');
    expect(status?.hosts).toMatchObject([
      {
        ...{ host: 'host-0', phase: 'Failed', reason: 'NothingRead' },
        message: expect.stringContaining('serviceAccountName'),
      },
    ]);
  });

  it('holds each object that its account may read in a file, and tells what it could not read', async () => {
    const at = ['-n', namespace.name];
    const subject = `--serviceaccount=${namespace.name}:${account}`;
    await kubectl('create', ...at, 'serviceaccount', account);
    await kubectl('create', 'clusterrolebinding', binding, '--clusterrole=view', subject);
    // Secrets of this namespace, too: that none is in the backup is then no matter of what may be read.
    await kubectl('create', ...at, 'rolebinding', account, '--clusterrole=edit', subject);
    await namespace.patch(BACKUP_CONFIGURATIONS, configuration, {
      spec: { runtimeSettings: { pod: { serviceAccountName: account } } },
    });
    await namespace.apply(backupSession('seeing', configuration));
    const { status } = await namespace.backupEnded('seeing', 'Succeeded');
    const [host] = status?.hosts ?? [];
    expect(host).toMatchObject({ host: 'host-0', phase: 'Succeeded', reason: 'ResourcesSkipped' });
    expect(host?.message).toContain('clusterroles.rbac.authorization.k8s.io');
    expect(host?.message).not.toMatch(/configmaps|secrets/);
    expect(findCondition(status?.conditions, 'Succeeded')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('not in the backup, since they could not be read: '),
    });
    const directory = '/tmp/restic/cluster';
    expect(status?.stats).toMatchObject([{ hostname: 'host-0', directory, snapshot: expect.any(String) }]);
    const snapshot = String(status?.stats?.[0]?.snapshot);

    const files = (await restic('ls', '--json', snapshot))
      .split('\n')
      .map((line) => JSON.parse(line) as { type?: string; path?: string })
      .flatMap(({ type, path }) => (type === 'file' && path !== undefined ? [path] : []));
    const known = `${directory}/core/v1/ConfigMap/${namespace.name}/known.yaml`;
    expect(files).toContain(known);
    expect(files).toContain(`${directory}/apps/v1/Deployment/stash-system/stash.yaml`);
    expect(files).toContain(`${directory}/apps/v1/Deployment/${namespace.name}/reader.yaml`);
    expect(files.filter((file) => file.includes('/Secret/'))).toEqual([]);

    expect(parse(await restic('dump', snapshot, known))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'known', namespace: namespace.name },
      data: { key: 'precious' },
    });
    const { metadata, ...rest } = parse(
      await restic('dump', snapshot, `${directory}/apps/v1/Deployment/${namespace.name}/reader.yaml`),
    ) as { metadata: object };
    expect(Object.keys(rest).sort()).toEqual(['apiVersion', 'kind', 'spec']);
    expect(Object.keys(metadata).sort()).toEqual(['name', 'namespace']);
  });
});
