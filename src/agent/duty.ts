import type { BackupHost, BackupSession } from '../api/backup-session.ts';
import type { ObjectMeta } from '../api/object.ts';
import { isOver, type SessionPhase } from '../api/sessions.ts';
import { Stopped } from './stop.ts';

/** What a session asks of the agent in a pod. The last two: say that an agent was lost in the middle of it. */
export type Duty = 'Backup' | 'Retention' | 'ReportLostBackup' | 'ReportLostRetention';

/** The entry of the host for which the agent in the pod `podUID` acts. */
export function hostOf<Host extends { podUID?: string }>(
  session: { status?: { hosts?: Host[] } },
  podUID: string,
): Host | undefined {
  return session.status?.hosts?.find((host) => host.podUID === podUID);
}

/**
 * What `session` asks of the agent in the pod `podUID`, as far as the session tells: an agent that is about it, or was, knows better.
 *
 * A host that is Running, and whose agent does not know of it, had another agent: the container was restarted. A backup that only
 * waited for its turn there has no phase yet, and simply begins.
 */
export function dutyOf(session: BackupSession, podUID: string): Duty | undefined {
  if (session.status?.phase !== 'Running' || session.metadata.deletionTimestamp !== undefined)
    return undefined;
  const host = hostOf(session, podUID);
  if (host === undefined) return undefined;
  if (host.phase === undefined) return 'Backup';
  if (host.phase === 'Running') return 'ReportLostBackup';
  if (session.status.retention?.host !== host.host) return undefined;
  if (host.retention === undefined) return 'Retention';
  return host.retention.phase === 'Running' ? 'ReportLostRetention' : undefined;
}

/**
 * Why the agent in the pod `podUID` has to stop what it does for `session`, its deadline apart.
 *
 * @param atWork - it has not settled its host itself, so that a host that is settled was settled by the operator
 */
export function whyStop(session: AnySession, podUID: string, atWork: boolean): Stopped | undefined {
  if (isOver(session) || session.metadata.deletionTimestamp !== undefined) return new Stopped('SessionOver');
  const host = hostOf(session, podUID);
  if (host === undefined) return new Stopped('GivenUp');
  if (atWork && (host.phase === 'Failed' || host.phase === 'Succeeded')) return new Stopped('GivenUp');
  return session.spec.cancel ? new Stopped('Cancelled') : undefined;
}

/** What a BackupSession and a RestoreSession have in common. */
export interface AnySession {
  metadata: ObjectMeta;
  spec: { cancel: boolean };
  status?: { phase?: SessionPhase; hosts?: Pick<BackupHost, 'podUID' | 'phase'>[] };
}
