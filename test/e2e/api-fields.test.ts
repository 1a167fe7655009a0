import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { DUE_LABEL } from '../../src/api/annotations.ts';
import { findCondition } from '../../src/api/conditions.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../../src/api/resources.ts';
import { holdRestic, restic, snapshots } from './agent.ts';
import { type Pod, useNamespace } from './cluster.ts';
import {
  backupConfiguration,
  backupSession,
  claim,
  DATA,
  deployment,
  repository,
  restoreSession,
} from './objects.ts';

/* What the fields of a BackupConfiguration and of a RestoreSession do, where only real pods can tell. */

const namespace = useNamespace('e2e-api-fields');
const name = 'fields';
const podOf = (of = name) => namespace.podOf(of);
const files = (of = name) =>
  podOf(of).then((pod) => namespace.sh(pod, `cd ${DATA} && find . -type f | sort | xargs grep -H .`));

const make = `set -e; cd ${DATA}; mkdir -p etc sql; echo one > etc/conf; echo one > sql/a.sql; echo one > plain; echo tmp > x.tmp`;
const change = `set -e; cd ${DATA}; echo two > etc/conf; echo two > sql/a.sql; rm plain; echo two > added`;

let first: string;
let between: string;

beforeAll(async () => {
  await namespace.apply(
    claim('fields-data'),
    repository(name),
    deployment(name, { claim: 'fields-data' }),
    backupConfiguration(name, {
      target: {
        ref: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        directories: [DATA],
        exclude: ['*.tmp'],
      },
      retentionPolicy: { name: 'the-last', keepLast: 1, keepTags: ['release'] },
      runtimeSettings: {
        container: {
          resources: { limits: { memory: '512Mi' } },
          nice: { adjustment: 7 },
          env: [{ name: 'RESTIC_COMPRESSION', value: 'max' }],
        },
      },
    }),
  );
  const [pod] = (await namespace.settledWithSidecar(name)) as [Pod];
  await namespace.sh(pod, make);
});

describe('a BackupConfiguration', () => {
  it('says how its sidecar and its restic run', async () => {
    const pod = await podOf();
    expect(pod.spec.containers.find((container) => container.name === 'stash')).toMatchObject({
      resources: { limits: { memory: '512Mi' } },
    });
    const held = await holdRestic(namespace, pod, 'backup');
    await namespace.apply(backupSession('first', name));
    await held.held;
    const said = await namespace.node(pod, priorityOfRestic);
    await held.release();
    const session = await namespace.backupEnded('first', 'Succeeded');
    first = session.status?.stats?.[0]?.snapshot ?? '';
    expect(JSON.parse(said)).toEqual({ nicer: 7, compression: 'max' });
    expect(session.status?.stats).toMatchObject([{ fileStats: { new: 3 } }]);
  });

  it('keeps by tag what is older than it keeps by number, and says what the policy is called', async () => {
    const pod = await podOf();
    await restic(namespace, pod, { name }, 'tag', '--add=release', first);
    // A tag makes it another snapshot.
    const [tagged] = await snapshots(namespace, pod, { name });
    first = tagged?.short_id ?? '';
    await sleep(1_100);
    between = new Date().toISOString();
    await namespace.sh(pod, change);
    await namespace.apply(backupSession('second', name));
    await namespace.backupEnded('second', 'Succeeded');
    await namespace.apply(backupSession('third', name));
    const session = await namespace.backupEnded('third', 'Succeeded');
    expect(findCondition(session.status?.conditions, 'RetentionApplied')?.message).toBe(
      'the-last: snapshots kept: 2, removed: 1',
    );
    const left = await snapshots(namespace, pod, { name });
    expect(left.map(({ tags = [] }) => tags.includes('release'))).toEqual([true, false]);
  });

  it('has a session of its schedule that failed tried again, with success once the cause is gone', async () => {
    const inner = `${DATA}/later`;
    await namespace.apply(
      backupConfiguration('retried', {
        repository: { name },
        target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name }, directories: [inner] },
        retry: { limit: 2, delay: '20s' },
        runtimeSettings: { container: { resources: { limits: { memory: '512Mi' } } } },
      }),
    );
    await namespace.until('both configurations in the sidecar', async () => {
      const { spec } = await namespace.deployment(name);
      return JSON.stringify(spec).includes('--configuration=retried') || undefined;
    });
    const [pod] = (await namespace.settled(name)) as [Pod];
    const due = Math.floor(Date.now() / 1000) - 30;
    const session = backupSession(`retried-${due}`, 'retried');
    session.metadata.labels = { [DUE_LABEL]: `${due}` };
    await namespace.apply(session);
    const failed = await namespace.backupEnded(`retried-${due}`, 'Failed');
    expect(findCondition(failed.status?.conditions, 'Succeeded')?.reason).toBe('DirectoryNotFound');
    await namespace.sh(pod, `mkdir ${inner}; echo later > ${inner}/file`);
    await namespace.backupEnded(`retried-${due}-r1`, 'Succeeded');
    await sleep(23_000);
    const all = await namespace.list(BACKUP_SESSIONS);
    expect(all.filter(({ metadata }) => metadata.name.startsWith('retried-'))).toHaveLength(2);
    await namespace.sh(pod, `rm -r ${inner}`);
  });

  it('is left out with a reason where it wants another sidecar than the first', async () => {
    await namespace.apply(
      backupConfiguration('stranger', {
        repository: { name },
        target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name }, directories: [DATA] },
        runtimeSettings: { container: { resources: { limits: { memory: '1Gi' } } } },
      }),
    );
    const condition = await namespace.until('its condition', async () => {
      const { status } = (await namespace.get(BACKUP_CONFIGURATIONS, 'stranger')) as {
        status?: { conditions?: Parameters<typeof findCondition>[0] };
      };
      const found = findCondition(status?.conditions, 'SidecarInjected');
      return found?.reason === 'SettingsConflict' ? found : undefined;
    });
    expect(condition.message).toContain('the BackupConfiguration "fields" of the same workload');
  });
});

describe('a RestoreSession', () => {
  const restored = async (session: string, spec: object) => {
    await namespace.apply(restoreSession(session, name, spec));
    const ended = await namespace.restoreEnded(session, 'Succeeded');
    await namespace.settled(name);
    return ended;
  };

  it('restores what matches include from the snapshot that a rule names, and nothing else', async () => {
    const session = await restored('part', { include: ['/etc'], rules: [{ snapshots: [first] }] });
    expect(session.status?.stats).toMatchObject([{ snapshot: first }]);
    expect(await files()).toBe('./added:two\n./etc/conf:one\n./sql/a.sql:two\n./x.tmp:tmp');
  });

  it('leaves out what matches exclude', async () => {
    await restored('rest', { exclude: ['*.sql'], rules: [{ before: between }] });
    expect(await files()).toBe('./added:two\n./etc/conf:one\n./plain:one\n./sql/a.sql:two\n./x.tmp:tmp');
  });

  it('makes a directory exactly what it was before an instant, but for what the backup leaves out', async () => {
    const session = await restored('exact', { mode: 'Exact', rules: [{ before: between }] });
    expect(session.status?.stats).toMatchObject([{ snapshot: first }]);
    expect(await files()).toBe('./etc/conf:one\n./plain:one\n./sql/a.sql:one\n./x.tmp:tmp');
  });

  it("restores another target's data, and says what there is where that has none", async () => {
    await namespace.apply(deployment('other'));
    await namespace.settled('other');
    const into = { repository: { name } };
    await namespace.apply(
      restoreSession('of-nobody', 'other', { ...into, source: { kind: 'StatefulSet', name: 'nobody' } }),
    );
    const failed = await namespace.restoreEnded('of-nobody', 'Failed');
    expect(findCondition(failed.status?.conditions, 'Succeeded')).toMatchObject({
      reason: 'NoSnapshot',
      message: expect.stringMatching(
        /no snapshot of \/source\/data of StatefulSet .*\/nobody \(host-0\); the newest/,
      ),
    });
    await namespace.apply(
      restoreSession('of-another', 'other', { ...into, source: { kind: 'Deployment', name } }),
    );
    await namespace.restoreEnded('of-another', 'Succeeded');
    await namespace.settled('other');
    expect(await files('other')).toBe('./added:two\n./etc/conf:two\n./sql/a.sql:two');
  });
});

const priorityOfRestic = `
const { readdirSync, readFileSync } = require('node:fs');
const { getPriority } = require('node:os');
for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
  let command = '';
  try { command = readFileSync('/proc/' + pid + '/cmdline', 'utf8'); } catch { continue; }
  const [program = '', verb] = command.split('\\0');
  if (!program.endsWith('restic') || verb !== 'backup') continue;
  const env = readFileSync('/proc/' + pid + '/environ', 'utf8').split('\\0');
  const compression = env.find((entry) => entry.startsWith('RESTIC_COMPRESSION='))?.split('=')[1];
  console.log(JSON.stringify({ nicer: getPriority(Number(pid)) - getPriority(1), compression }));
}`;
