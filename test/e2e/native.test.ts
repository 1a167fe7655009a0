import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DUE_LABEL, TRIGGER_ACCOUNT } from '../../src/api/annotations.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import type { BackupSession } from '../../src/api/backup-session.ts';
import { sessionName } from '../../src/api/names.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../../src/api/resources.ts';
import { timestamp } from '../../src/kube/clock.ts';
import { cronJobs, jobs } from '../../src/kube/resource.ts';
import { client, useNamespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';
import { backupConfiguration, repository } from './objects.ts';

/* A CronJob that keeps time: its Jobs create the sessions, in a namespace that admits nothing but restricted pods. */

const namespace = useNamespace('e2e-native', { 'pod-security.kubernetes.io/enforce': 'restricted' });
const name = 'native';

const sessions = () => namespace.list<BackupSession>(BACKUP_SESSIONS);
const made = async () => (await sessions()).map(({ metadata }) => metadata.name);
const mayCreateSessions = (account: string) =>
  kubectl(
    ...['auth', 'can-i', 'create', 'backupsessions.stash.appscode.com', '-n', namespace.name],
    `--as=system:serviceaccount:${namespace.name}:${account}`,
  ).catch(() => 'no');

describe('a CronJob that keeps time', () => {
  it('makes the session that is due, under the name that the operator would give it, and none is made twice', async () => {
    const spec = { schedule: '* * * * *', scheduler: 'CronJob' };
    await namespace.apply(repository(name), backupConfiguration(name, spec));
    await namespace.until('the CronJob', () => namespace.get(cronJobs, name));

    // Of its own ServiceAccount alone.
    await namespace.until('the right', async () =>
      (await mayCreateSessions(TRIGGER_ACCOUNT)) === 'yes' ? true : undefined,
    );
    expect(await mayCreateSessions('default')).toBe('no');

    // By hand, while the next minute is waited for: no instant of the schedule.
    await kubectl('create', 'job', 'by-hand', `--from=cronjob/${name}`, '-n', namespace.name);
    const byHand = await namespace.until('the session that was asked for', async () =>
      (await sessions()).find(({ metadata }) => metadata.labels?.[DUE_LABEL] === undefined),
    );
    expect(byHand.metadata.name).toMatch(new RegExp(`^${name}-\\d+$`));

    const scheduled = await namespace.until('the session that was due', async () =>
      (await sessions()).find(({ metadata }) => metadata.labels?.[DUE_LABEL] !== undefined),
    );
    const due = Number(scheduled.metadata.labels?.[DUE_LABEL]) * 1000;
    expect(due % 60_000).toBe(0);
    expect(Date.now() - due).toBeLessThan(150_000);
    expect(scheduled.metadata.name).toBe(sessionName(name, due));
    expect(JSON.stringify(scheduled.metadata)).toContain('stash-trigger');
    const jobNames = (await namespace.list(jobs)).map(({ metadata }) => metadata.name);
    expect(jobNames).toContain(`${name}-${due / 60_000}`);
    await namespace.until('the instant in the status', async () => {
      const { status } = await namespace.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, name);
      // Another instant may have come meanwhile.
      return (status?.lastScheduleTime ?? '') >= timestamp(due) || undefined;
    });

    // Gone from the history, it is not made again either.
    await client.delete(BACKUP_SESSIONS, scheduled.metadata.name, namespace.name);
    await namespace.patch(BACKUP_CONFIGURATIONS, name, { spec: { scheduler: 'Stash' } });
    await namespace.until('the end of the CronJob', async () =>
      (await namespace.list(cronJobs)).length === 0 ? true : undefined,
    );
    await namespace.patch(BACKUP_CONFIGURATIONS, name, { spec: { paused: true } });
    await sleep(3_000);
    expect(await made()).not.toContain(scheduled.metadata.name);
    await namespace.until('the end of the right', async () =>
      (await mayCreateSessions(TRIGGER_ACCOUNT)) === 'no' ? true : undefined,
    );
  });
});
