import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { CONFIGURATION_LABEL, REQUESTED_ANNOTATION } from '../../src/api/annotations.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import type { BackupSession } from '../../src/api/backup-session.ts';
import type { Repository } from '../../src/api/repository.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS, REPOSITORIES } from '../../src/api/resources.ts';
import { isOver } from '../../src/api/sessions.ts';
import { SIDECAR } from '../../src/injection/layout.ts';
import { deployments, persistentVolumeClaims, roleBindings, secrets } from '../../src/kube/resource.ts';
import { holdRestic, restic, snapshots } from './agent.ts';
import { identities, type Pod, useNamespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';
import { backupSession, claim, DATA, deployment, type Workload } from './objects.ts';

/* A Deployment of three replicas, with the objects of the samples, from its first backup to the end of its configuration. */

const demo = useNamespace('demo');
const name = 'stash-demo';
const configuration = 'workload-data-backup';
const repository = { name: 'stash-backup-repo', subPath: 'default/deployment/stash-demo' };
const sample = (file: string) => new URL(`samples/${file}`, import.meta.url).pathname;

const sessions = () => demo.list<BackupSession>(BACKUP_SESSIONS);
const settingOf = () => demo.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, configuration);
const change = (spec: object) => demo.patch(BACKUP_CONFIGURATIONS, configuration, { spec });
const condition = (session: BackupSession, type: string) =>
  session.status?.conditions?.find((each) => each.type === type);

let plain: Workload;
let injected: Pod[];
/** Any of them: they see the same data, and have the same repository. */
let pod: Pod;

/** A backup at once. */
async function backUp(session: string): Promise<BackupSession> {
  await demo.apply(backupSession(session, configuration));
  return demo.backupEnded(session, 'Succeeded');
}

beforeAll(async () => {
  const seed = `[ -e ${DATA}/file ] || echo precious > ${DATA}/file`;
  await demo.apply(claim('demo-data'), deployment(name, { replicas: 3, seed, claim: 'demo-data' }));
  await demo.settled(name);
  plain = await demo.deployment(name);
  await kubectl('apply', '-f', sample('01-repository.yaml'), '-f', sample('02-backup-workload.yaml'));
  injected = await demo.settledWithSidecar(name);
  [pod] = injected as [Pod];
});

describe('a Deployment of three replicas', () => {
  it('has the sidecar in each of its pods, after what was there before', async () => {
    const { spec } = (await demo.deployment(name)).spec.template;
    const [first] = plain.spec.template.spec.containers;
    expect(spec.containers.map((container) => container.name)).toEqual(['busybox', SIDECAR]);
    expect(spec.containers[0]).toEqual(first);
    expect(injected).toHaveLength(3);
    for (const { status } of injected) {
      expect(status.containerStatuses?.map((each) => [each.name, each.restartCount])).toEqual([
        ['busybox', 0],
        [SIDECAR, 0],
      ]);
    }
  });

  it('is backed up once, at once, by `kubectl create -f` of a session', async () => {
    expect(await kubectl('create', '-f', sample('03-backup-session.yaml'))).toContain('created');
    const session = await demo.backupEnded('demo-volume-backup-session', 'Succeeded');
    expect(session.status?.hosts).toHaveLength(1);
    expect(session.status?.hosts?.[0]).toMatchObject({ host: 'host-0', phase: 'Succeeded' });
    expect(session.status?.stats).toMatchObject([
      { hostname: 'host-0', directory: DATA, fileStats: { new: 1, changed: 0, unmodified: 0 } },
    ]);
    const made = await snapshots(demo, pod, repository);
    expect(made.map(({ short_id, hostname, paths }) => ({ short_id, hostname, paths }))).toEqual([
      { short_id: session.status?.stats?.[0]?.snapshot, hostname: 'host-0', paths: [DATA] },
    ]);
    expect(await restic(demo, pod, repository, 'dump', 'latest', `${DATA}/file`)).toBe('precious');
  });

  it('has the session go with its configuration, and labelled with it', async () => {
    const { metadata } = await demo.get<BackupSession>(BACKUP_SESSIONS, 'demo-volume-backup-session');
    const { uid } = (await settingOf()).metadata;
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'BackupConfiguration', uid, controller: true }]);
    expect(metadata.labels?.[CONFIGURATION_LABEL]).toBe(configuration);
  });

  it('lets the Repository know the id that restic gave it', async () => {
    const { id } = JSON.parse(await restic(demo, pod, repository, 'cat', 'config')) as { id: string };
    const status = await demo.until('the id of the repository', async () => {
      const now = (await demo.get<Repository>(REPOSITORIES, repository.name)).status;
      return now?.lastBackupTime === undefined ? undefined : now;
    });
    expect(status.repositoryID).toBe(id);
  });
});

describe('a schedule', () => {
  /** Longer than a backup takes, or the next one is Skipped. */
  const everySeconds = 30;

  it('makes a session whenever it is due, named after the instant, and restarts no pod when it is changed', async () => {
    await change({ schedule: `@every ${everySeconds}s`, backupHistoryLimit: 20 });
    const scheduled = await demo.until('two sessions on schedule', async () => {
      const all = (await sessions()).filter(({ metadata }) => metadata.name.startsWith(`${configuration}-`));
      return all.filter(isOver).length >= 2 ? all.filter(isOver) : undefined;
    });
    await change({ paused: true });
    const due = scheduled.map(({ metadata }) => Number(metadata.name.slice(configuration.length + 1))).sort();
    for (const [index, instant] of due.entries()) {
      expect(Number.isInteger(instant), `${instant} is a second`).toBe(true);
      if (index > 0) expect(instant - (due[index - 1] ?? 0)).toBe(everySeconds);
    }
    for (const session of scheduled) {
      expect(session.status?.phase).toBe('Succeeded');
      expect(session.status?.hosts?.map(({ host }) => host)).toEqual(['host-0']);
      expect(session.status?.stats).toHaveLength(1);
      const created = Date.parse(session.metadata.creationTimestamp ?? '') / 1000;
      const instant = Number(session.metadata.name.slice(configuration.length + 1));
      expect(created - instant, 'seconds from due to created').toBeLessThan(20);
    }
    expect(identities(await demo.podsOf(name))).toEqual(identities(injected));
  });

  it('that is paused makes no session, while those of a user still run', async () => {
    await demo.until('the pause', async () =>
      (await settingOf()).status?.nextScheduleTime === undefined ? true : undefined,
    );
    await demo.until('the end of all that was begun before', async () =>
      (await sessions()).every(isOver) ? true : undefined,
    );
    const pausedAt = Date.now();
    const lastDue = (await settingOf()).status?.lastScheduleTime;
    await backUp('while-paused');
    await sleep(Math.max(0, pausedAt + (everySeconds + 2) * 1000 - Date.now()));
    expect((await settingOf()).status?.lastScheduleTime).toBe(lastDue);
    const late = (await sessions()).filter(
      ({ metadata }) =>
        metadata.name.startsWith(`${configuration}-`) &&
        Date.parse(metadata.creationTimestamp ?? '') > pausedAt + 1000,
    );
    expect(late).toEqual([]);
  });

  it('leaves one snapshot a session, of three pods as it is', async () => {
    const made = (await snapshots(demo, pod, repository)).map(({ short_id }) => short_id);
    const reported = (await sessions()).flatMap(({ status }) => status?.stats ?? []);
    expect(reported.map(({ snapshot }) => snapshot).sort()).toEqual(made.sort());
  });
});

describe('what is kept', () => {
  it('is what the retention policy says, of this configuration alone', async () => {
    // Somebody else's, in the same repository.
    await restic(demo, pod, repository, 'backup', '--host=elsewhere', '/stash/secrets');
    await change({ retentionPolicy: { keepLast: 2, prune: true } });
    const before = await snapshots(demo, pod, repository);
    const session = await backUp('with-retention');
    const left = await snapshots(demo, pod, repository);
    const ours = before.filter(({ hostname }) => hostname === 'host-0');
    expect(ours.length, 'enough to remove some').toBeGreaterThan(2);
    expect(left.filter(({ hostname }) => hostname === 'host-0').map(({ short_id }) => short_id)).toEqual([
      ours.at(-1)?.short_id,
      session.status?.stats?.[0]?.snapshot,
    ]);
    expect(left.filter(({ hostname }) => hostname === 'elsewhere')).toHaveLength(1);
    expect(condition(session, 'RetentionApplied')).toMatchObject({
      status: 'True',
      message: `snapshots kept: 2, removed: ${ours.length - 1}`,
    });
  });

  it('of the sessions that are over is what backupHistoryLimit says', async () => {
    await change({ backupHistoryLimit: 1 });
    await demo.until('the history to be trimmed', async () =>
      (await sessions()).length === 1 ? true : undefined,
    );
    expect((await sessions()).map(({ metadata }) => metadata.name)).toEqual(['with-retention']);
  });
});

describe('two sessions of one configuration at once', () => {
  it('are one backup: the second is Skipped and says why', async () => {
    await change({ backupHistoryLimit: 5 });
    // Whichever pod it is that acts, one lies in wait in each.
    const waiting = await Promise.all(injected.map((each) => holdRestic(demo, each, 'backup')));
    await demo.apply(backupSession('first', configuration));
    const held = await Promise.race(waiting.map((each) => each.held.then(() => each)));
    await demo.apply(backupSession('second', configuration));
    const second = await demo.backupEnded('second', 'Skipped');
    await held.release();
    expect(condition(second, 'Succeeded')).toMatchObject({
      status: 'False',
      reason: 'EarlierSessionActive',
      message: expect.stringContaining('first'),
    });
    const first = await demo.backupEnded('first', 'Succeeded');
    expect(first.status?.hosts).toHaveLength(1);
    await Promise.all(waiting.map((each) => each.close()));
  });
});

describe('kubectl', () => {
  it('lists all of it with `get stash`, with what one wants to know', async () => {
    const listed = await kubectl('get', 'stash', '-n', 'demo');
    expect(listed).toMatch(/repository\S*\/stash-backup-repo/);
    expect(listed).toMatch(/backupconfiguration\S*\/workload-data-backup .*stash-demo/);
    expect(listed).toMatch(/backupsession\S*\/first .*Succeeded/);
    expect(listed).toMatch(/backupsession\S*\/second .*Skipped .*EarlierSessionActive/);
  });

  it.each([
    ['backupconfiguration.spec.schedule', /cron.*@every/s],
    ['backupconfiguration.spec.retentionPolicy.keepLast', /snapshots to keep/],
    ['repository.spec.backend.storageSecretName', /RESTIC_PASSWORD/],
    ['backupsession.status.hosts', /frozen as it starts/],
  ])('explains %s', async (field, lesson) => {
    expect(await kubectl('explain', field)).toMatch(lesson);
  });
});

describe('deleting the configuration', () => {
  it('takes the sidecar out of the workload, and nothing else', async () => {
    await demo.patch(deployments, name, { metadata: { annotations: { 'example.com/owner': 'shop' } } });
    await kubectl('delete', 'backupconfiguration', '-n', 'demo', configuration);
    const left = await demo.settledWithSidecar(name, false);
    const { metadata, spec } = await demo.deployment(name);
    expect(spec).toEqual(plain.spec);
    const { [REQUESTED_ANNOTATION]: _touch, ...annotations } = metadata.annotations ?? {};
    expect(annotations).toMatchObject({ 'example.com/owner': 'shop' });
    expect(left.map(({ spec: { containers } }) => containers.length)).toEqual([1, 1, 1]);
    await demo.until('the end of the sessions and of the rights of its agents', async () => {
      const ended = (await sessions()).length === 0 && (await demo.list(roleBindings)).length === 0;
      return ended ? true : undefined;
    });
    await demo.get(REPOSITORIES, repository.name);
    await demo.get(persistentVolumeClaims, 'backups');
    await demo.get(persistentVolumeClaims, 'demo-data');
    await demo.get(secrets, 'backup-secret');
    expect(await demo.sh(left[0] as Pod, `cat ${DATA}/file`)).toBe('precious');
  });
});
