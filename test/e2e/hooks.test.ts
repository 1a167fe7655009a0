import { beforeAll, describe, expect, it } from 'vitest';
import type { BackupSession } from '../../src/api/backup-session.ts';
import { HOOKS_SUCCEEDED } from '../../src/api/hooks.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  RESTORE_SESSIONS,
  type Resource,
} from '../../src/api/resources.ts';
import type { RestoreSession } from '../../src/api/restore-session.ts';
import { SIDECAR } from '../../src/injection/layout.ts';
import { holdRestic, restic } from './agent.ts';
import { client, identities, type Pod, useNamespace } from './cluster.ts';
import {
  backupConfiguration,
  backupSession,
  DATA,
  deployment,
  repository,
  restoreSession,
} from './objects.ts';

/* Hooks before and after backups and restores of a pod whose server listens on its loopback interface alone. */

const hooked = useNamespace('hooks');
const name = 'app';
const port = 8080;

const sh = (script: string, more: object = {}) => ({ exec: { command: ['sh', '-c', script] }, ...more });
const hookOf = (session: BackupSession | RestoreSession, hook: string) =>
  session.status?.hooks?.find((run) => run.hook === hook);
const conditionOf = (session: BackupSession | RestoreSession, type: string) =>
  session.status?.conditions?.find((each) => each.type === type);

let pod: Pod;

/** A backup with these hooks and no others. */
async function begin(
  session: string,
  hooks: Record<string, object>,
  finalizers: string[] = [],
): Promise<void> {
  const { preBackup = null, postBackup = null } = hooks;
  await hooked.patch(BACKUP_CONFIGURATIONS, name, { spec: { hooks: null } });
  await hooked.patch(BACKUP_CONFIGURATIONS, name, { spec: { hooks: { preBackup, postBackup } } });
  const made = backupSession(session, name);
  await hooked.apply({ ...made, metadata: { ...made.metadata, finalizers } });
}

const froze = { preBackup: sh(`touch ${DATA}/frozen`), postBackup: sh(`rm ${DATA}/frozen`) };

/** Begins a backup whose data is frozen by its hook, and deletes an object in the midst of it, once restic is at work. */
async function deletedInTheMidst(
  session: string,
  resource: Resource,
  object: string,
  finalizers: string[] = [],
) {
  const held = await holdRestic(hooked, pod, 'backup');
  await begin(session, froze, finalizers);
  await held.held;
  expect(await hooked.sh(pod, `ls ${DATA}`)).toContain('frozen');
  await client.delete(resource, object, hooked.name);
  await hooked.until('the hook after it', async () => {
    const found = (await hooked.list(resource)).find(({ metadata }) => metadata.name === object);
    return found === undefined ? true : undefined;
  });
  return held;
}

const inSnapshot = (session: BackupSession, file: string) =>
  restic(
    hooked,
    pod,
    { name, subPath: name },
    'dump',
    session.status?.stats?.[0]?.snapshot ?? '',
    `${DATA}/${file}`,
  );

const eventsOf = async (session: string) => {
  const events = await hooked.list<
    { reason: string; regarding: { name: string }; note: string } & BackupSession
  >({
    group: 'events.k8s.io',
    version: 'v1',
    plural: 'events',
    kind: 'Event',
    namespaced: true,
  });
  return events.filter(({ regarding }) => regarding.name === session);
};

beforeAll(async () => {
  const www = '/tmp/www/cgi-bin';
  const script = `#!/bin/sh\\ncat > ${DATA}/posted\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\ndone"\\n`;
  const seed = [
    `echo precious > ${DATA}/file`,
    `mkdir -p ${www}`,
    `printf '${script}' > ${www}/post`,
    `chmod +x ${www}/post`,
    `httpd -p 127.0.0.1:${port} -h /tmp/www`,
  ].join('; ');
  await hooked.apply(repository(name), deployment(name, { seed }), backupConfiguration(name));
  [pod] = (await hooked.settledWithSidecar(name)) as [Pod];
});

describe('the hooks of a backup', () => {
  it('run commands in the container of the workload, before and after', async () => {
    await begin('with-exec', {
      preBackup: sh(`echo quiet > ${DATA}/quiet`),
      postBackup: sh(`rm ${DATA}/quiet`),
    });
    const session = await hooked.backupEnded('with-exec', 'Succeeded');
    expect(await inSnapshot(session, 'quiet')).toBe('quiet');
    expect(await hooked.sh(pod, `ls ${DATA}`)).toBe('file');
    expect(session.status?.hooks).toMatchObject([
      { hook: 'preBackup', host: 'host-0', podUID: pod.metadata.uid, phase: 'Succeeded', exitCode: 0 },
      { hook: 'postBackup', host: 'host-0', podUID: pod.metadata.uid, phase: 'Succeeded', exitCode: 0 },
    ]);
    expect(conditionOf(session, HOOKS_SUCCEEDED)?.status).toBe('True');
  });

  it('send requests to a port that listens inside the pod alone', async () => {
    await begin('with-post', {
      preBackup: { httpPost: { path: '/cgi-bin/post', port, body: 'flush' } },
      postBackup: { tcpSocket: { port } },
    });
    const session = await hooked.backupEnded('with-post', 'Succeeded');
    expect(await inSnapshot(session, 'posted')).toBe('flush');
    expect(session.status?.hooks?.map(({ phase }) => phase)).toEqual(['Succeeded', 'Succeeded']);
  });

  it('that fail before leave nothing backed up, and those after run all the same', async () => {
    await begin('with-404', {
      preBackup: { httpGet: { path: '/nothing', port } },
      postBackup: { tcpSocket: { port: port + 1 } },
    });
    const session = await hooked.backupEnded('with-404', 'Failed');
    expect(conditionOf(session, 'Succeeded')).toMatchObject({ reason: 'HookFailed' });
    expect(hookOf(session, 'preBackup')?.message).toBe(`GET /nothing of port ${port} was answered with 404`);
    expect(hookOf(session, 'postBackup')).toMatchObject({ phase: 'Failed', reason: 'HookFailed' });
    expect(session.status?.stats).toBeUndefined();
  });

  it('that hang are given up after their timeout', async () => {
    await begin('with-hang', {
      preBackup: sh('exec sleep 86400', { timeout: '3s' }),
      postBackup: sh(`touch ${DATA}/thawed`, { executionPolicy: 'OnFailure' }),
    });
    const session = await hooked.backupEnded('with-hang', 'Failed');
    expect(conditionOf(session, 'Succeeded')).toMatchObject({ reason: 'HookTimedOut' });
    expect(hookOf(session, 'preBackup')?.message).toContain('it did not end within 3s');
    expect(hookOf(session, 'postBackup')).toMatchObject({ phase: 'Succeeded' });
    expect(session.status?.stats).toBeUndefined();
    await hooked.sh(pod, `rm ${DATA}/thawed`);
  });

  it('end with a session that is cancelled, and what undoes them runs', async () => {
    await begin('with-cancel', {
      preBackup: sh('exec sleep 86400', { timeout: '1h' }),
      postBackup: sh(`touch ${DATA}/undone`),
    });
    await hooked.until('the hook', async () =>
      hookOf(await hooked.backup('with-cancel'), 'preBackup')?.phase === 'Running' ? true : undefined,
    );
    await hooked.patch(BACKUP_SESSIONS, 'with-cancel', { spec: { cancel: true } });
    const session = await hooked.backupEnded('with-cancel', 'Failed');
    expect(conditionOf(session, 'Succeeded')).toMatchObject({ reason: 'Cancelled' });
    expect(hookOf(session, 'postBackup')?.phase).toBe('Succeeded');
    await hooked.sh(pod, `rm ${DATA}/undone`);
  });

  it('that fail after leave a good backup good, and say so', async () => {
    await begin('with-bad-post', { postBackup: sh('echo secret; echo no such lock >&2; exit 3') });
    const session = await hooked.backupEnded('with-bad-post', 'Succeeded');
    expect(hookOf(session, 'postBackup')).toMatchObject({
      exitCode: 3,
      message: 'the command ended with exit code 3: no such lock',
    });
    expect(conditionOf(session, HOOKS_SUCCEEDED)?.status).toBe('False');
    const events = await hooked.until('the Event of the hook', async () => {
      const all = await eventsOf('with-bad-post');
      return all.some(({ reason }) => reason === 'HookFailed') ? all : undefined;
    });
    expect(events.find(({ reason }) => reason === 'HookFailed')?.note).toContain('no such lock');
  });

  it('run before the session goes that is deleted in the midst', async () => {
    const held = await deletedInTheMidst('with-deletion', BACKUP_SESSIONS, 'with-deletion');
    await held.release();
    expect(await hooked.sh(pod, `ls ${DATA}`)).not.toContain('frozen');
    await hooked.until('the configuration is kept no more', async () => {
      const { metadata } = await hooked.get(BACKUP_CONFIGURATIONS, name);
      return metadata.finalizers === undefined ? true : undefined;
    });
  });

  it('run as their policy says, and name a container that is there', async () => {
    await begin('with-policy', { postBackup: sh('true', { executionPolicy: 'OnFailure' }) });
    expect((await hooked.backupEnded('with-policy', 'Succeeded')).status?.hooks).toBeUndefined();
    await begin('with-container', { preBackup: sh('true', { containerName: 'nobody' }) });
    const session = await hooked.backupEnded('with-container', 'Failed');
    expect(hookOf(session, 'preBackup')).toMatchObject({ reason: 'ContainerNotFound' });
    const ours = begin('with-ours', { preBackup: sh('true', { containerName: SIDECAR }) });
    await expect(ours).rejects.toThrow('is a container of Stash');
  });
});

describe('the hooks of a restore', () => {
  it('that fail before leave everything untouched', async () => {
    const before = identities(await hooked.podsOf(name));
    const hooks = { preRestore: sh('exit 1'), postRestore: sh(`touch ${DATA}/undone`) };
    await hooked.apply(restoreSession('not-restored', name, { hooks }));
    const session = await hooked.restoreEnded('not-restored', 'Failed');
    expect(conditionOf(session, 'Succeeded')).toMatchObject({ reason: 'HookFailed' });
    expect(hookOf(session, 'postRestore')?.phase).toBe('Succeeded');
    expect(identities(await hooked.podsOf(name))).toEqual(before);
    expect(await hooked.sh(pod, `ls ${DATA}/undone`)).toBe(`${DATA}/undone`);
  });

  it('run before the pod is replaced, and after its successor runs', async () => {
    const hooks = {
      preRestore: sh('exit 0'),
      postRestore: sh(`cp ${DATA}/file ${DATA}/seen-after`),
    };
    await hooked.apply(restoreSession('restored', name, { hooks }));
    const session = await hooked.restoreEnded('restored', 'Succeeded');
    const [successor] = (await hooked.settled(name)) as [Pod];
    expect(hookOf(session, 'preRestore')).toMatchObject({ podUID: pod.metadata.uid, phase: 'Succeeded' });
    expect(hookOf(session, 'postRestore')).toMatchObject({
      podUID: successor.metadata.uid,
      phase: 'Succeeded',
    });
    expect(await hooked.sh(successor, `cat ${DATA}/seen-after`)).toBe('precious');
    const change = hooked.patch(RESTORE_SESSIONS, 'restored', {
      spec: { hooks: { preRestore: sh('true') } },
    });
    await expect(change).rejects.toThrow('cannot be changed');
  });
});

describe('a configuration that is deleted in the midst of its session', () => {
  it('goes once the hook after it has run in the pod, which stays until then', async () => {
    [pod] = (await hooked.settledWithSidecar(name)) as [Pod];
    // Kept by the test, so that it can be looked at.
    await deletedInTheMidst('orphaned', BACKUP_CONFIGURATIONS, name, ['example.com/kept']);
    const session = await hooked.backup('orphaned');
    await hooked.patch(BACKUP_SESSIONS, 'orphaned', { metadata: { finalizers: null } });
    expect(conditionOf(session, 'Succeeded')).toMatchObject({ reason: 'ConfigurationDeleted' });
    expect(hookOf(session, 'postBackup')).toMatchObject({ podUID: pod.metadata.uid, phase: 'Succeeded' });
  });
});
