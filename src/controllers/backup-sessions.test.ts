import { describe, expect, it } from 'vitest';
import { CONFIGURATION_LABEL } from '../api/annotations.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { BACKUP_SESSIONS } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { backupSessions } from './backup-sessions.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { HostWatch } from './host-watch.ts';
import { aConfiguration, aRepository, aSession } from './objects.fixture.ts';
import { SessionGate } from './session-gate.ts';

const now = Date.parse('2026-11-22T17:00:10Z');

/** Reconciles `session`, and answers what the API server has of it then. Nothing but the session itself is written. */
async function reconciled(session: BackupSession, ...others: BackupSession[]): Promise<BackupSession> {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  caches.configurations.set(aConfiguration());
  for (const each of [session, ...others]) caches.backupSessions.set(each);
  let stored = session;
  const write = (resource: unknown, change: Partial<BackupSession>) => {
    expect(resource).toBe(BACKUP_SESSIONS);
    const metadata = { ...stored.metadata, ...change.metadata };
    stored = { ...stored, ...change, metadata };
    return Promise.resolve(stored);
  };
  const client = {
    mergePatch: (resource: unknown, _name: string, _namespace: string, patch: object) =>
      write(resource, patch),
    apply: write,
  } as unknown as Client;
  const clock = manualClock(now);
  const context = {
    client,
    caches,
    clock,
    events: { record: () => {} },
    log: { info: () => {}, warn: () => {} },
  } as unknown as Context;
  const gate = new SessionGate({ sessions: 1, sessionsPerRepository: 1 }, () => {});
  await backupSessions(context, gate, new HostWatch(client, clock))('demo/shop-1');
  return stored;
}

describe('a BackupSession that does not start', () => {
  const earlier = aSession({
    metadata: { name: 'earlier', uid: 'earlier-uid' },
    status: { phase: 'Running' },
  });

  it.each([
    ['is skipped', aSession(), [earlier], 'Skipped'],
    ['is cancelled', aSession({ spec: { cancel: true } }), [], 'Failed'],
  ] as const)('goes with its configuration all the same where it %s', async (_, session, others, phase) => {
    const { metadata, status } = await reconciled(session, ...others);
    expect(status?.phase).toBe(phase);
    expect(metadata.ownerReferences).toMatchObject([
      { kind: 'BackupConfiguration', name: 'shop', uid: 'shop-uid', controller: true },
    ]);
    expect(metadata.labels).toEqual({ [CONFIGURATION_LABEL]: 'shop' });
  });
});
