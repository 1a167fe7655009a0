import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiVersionOf, BACKUP_CONFIGURATIONS, FUNCTIONS, TASKS } from '../../src/api/resources.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { layout } from '../cluster/layout.ts';
import { client, until, useNamespace } from './cluster.ts';
import { backupSession, repository } from './objects.ts';

/* What Tasks push, at the Pushgateway of Prometheus itself: a process on the node. */

const namespace = useNamespace('e2e-pushgateway');
const TASK = 'e2e-pushed';
const gateway = `http://${layout.nodeAddress}:9091`;
let server: ChildProcess;

const script = `echo precious > /tmp/restic/dump
restic backup --json --retry-lock=5m --host="$BACKUP_HOST" /tmp/restic/dump > /tmp/restic/output.json`;

/** Into the Repository of the same name, and pushed to `url`. */
function configuration(name: string, url: string): ApiObject {
  const spec = {
    ...{ schedule: '@yearly', repository: { name } },
    task: { name: TASK, inputs: { enableMetric: 'true', pushgatewayURL: url } },
  };
  return {
    ...{ apiVersion: apiVersionOf(BACKUP_CONFIGURATIONS), kind: BACKUP_CONFIGURATIONS.kind },
    ...{ metadata: { name }, ...{ spec } },
  };
}

/** What the Pushgateway tells a Prometheus of the configuration `name`, by metric. */
async function scraped(name: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${gateway}/metrics`)).text();
  const group = `instance="${namespace.name}/${name}",job="stash-backup",kind="Cluster",name="${name}",namespace="${namespace.name}"`;
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.startsWith('stash_task_') && line.includes(group))
      .map((line): [string, number] => [line.slice(0, line.indexOf('{')), Number(line.split(' ').at(-1))]),
  );
}

beforeAll(async () => {
  // Debian's keeps what it has in /var/lib, where nobody asks it to.
  const options = ['--persistence.file=', '--log.level=warn'];
  const address = `--web.listen-address=${layout.nodeAddress}:9091`;
  server = spawn('prometheus-pushgateway', [address, ...options], { stdio: 'inherit' });
  const tool = {
    ...{ image: 'stash:0.1.0', imagePullPolicy: 'IfNotPresent', command: ['sh', '-ec', script] },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
    runtimeSettings: { env: [{ name: 'BACKUP_HOST', value: '${as:=host-0}' }] },
  };
  const functions = [{ name: TASK }, { name: 'stash-post-backup' }];
  for (const [resource, spec] of [[FUNCTIONS, tool] as const, [TASKS, { functions }] as const]) {
    const object = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { name: TASK },
      spec,
    };
    await client.apply(resource, object, { fieldManager: 'e2e', force: true });
  }
  await until('the Pushgateway', namespace.name, async () =>
    (await fetch(`${gateway}/-/ready`).catch(() => undefined))?.ok === true ? true : undefined,
  );
});

afterAll(async () => {
  server.kill();
  await client.delete(TASKS, TASK);
  await client.delete(FUNCTIONS, TASK);
});

it('the Pushgateway has what became of a backup, and of the one after that failed in its last step', async () => {
  // Nobody listens there.
  const nowhere = `http://${layout.nodeAddress}:9092`;
  await namespace.apply(
    ...[repository('pushed'), configuration('pushed', gateway), backupSession('good', 'pushed')],
    ...[repository('unheard'), configuration('unheard', nowhere), backupSession('unheard', 'unheard')],
  );
  const { status } = await namespace.backupEnded('good', 'Succeeded');
  const good = await scraped('pushed');
  expect(good).toEqual({
    stash_task_backup_success: 1,
    stash_task_backup_bytes: 'precious\n'.length,
    stash_task_backup_duration_seconds: expect.any(Number),
    stash_task_backup_last_success_timestamp_seconds: expect.any(Number),
  });
  const { stash_task_backup_last_success_timestamp_seconds: succeeded } = good;
  expect(succeeded).toBeGreaterThanOrEqual(Date.parse(status?.startTime ?? '') / 1000);
  expect(succeeded).toBeLessThanOrEqual(Date.now() / 1000);
  expect(good.stash_task_backup_duration_seconds).toBeGreaterThan(0);

  await namespace.patch(BACKUP_CONFIGURATIONS, 'pushed', { spec: { task: { inputs: { as: 'elsewhere' } } } });
  await namespace.apply(backupSession('bad', 'pushed'));
  const bad = await namespace.backupEnded('bad', 'Failed');
  expect(bad.status?.hosts).toMatchObject([{ reason: 'SnapshotOfOther' }]);
  expect(await scraped('pushed')).toMatchObject({
    stash_task_backup_success: 0,
    stash_task_backup_last_success_timestamp_seconds: succeeded,
  });

  await namespace.backupEnded('unheard', 'Succeeded');
});
