import type { BackupSession } from '../api/backup-session.ts';
import { type ConditionNow, withCondition } from '../api/conditions.ts';
import type { HookRun } from '../api/hooks.ts';
import { observedGeneration } from '../api/names.ts';
import type { Resource } from '../api/resources.ts';
import type { RestoreSession, RestoreStat } from '../api/restore-session.ts';
import type { SessionPhase } from '../api/sessions.ts';
import type { Client } from '../kube/client.ts';
import { timestamp } from '../kube/clock.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';

/** How many hosts the schema of a session has room for. */
export const MOST_HOSTS = 1024;

export type Session = BackupSession | RestoreSession;

/** A host as the operator sees it: who acts, and how it ended where it has. */
export interface HostNow {
  host: string;
  podName?: string;
  podUID?: string;
  /** The agent's own to say. */
  heartbeatTime?: string;
  phase?: 'Running' | 'Succeeded' | 'Failed';
  reason?: string;
  message?: string;
  completionTime?: string;
}

/** What the operator changes in the status of a session. What it leaves out stays. */
export interface StatusChange {
  phase?: SessionPhase;
  startTime?: string;
  deadline?: string;
  completionTime?: string;
  repository?: { name: string; uid: string };
  configurationHash?: string;
  initializer?: string;
  retention?: { host: string };
  replicas?: number;
  job?: string;
  hosts?: HostNow[];
  hooks?: HookRun[];
  conditions?: ConditionNow[];
}

/**
 * All of the status that is the operator's, with `change` made: what it leaves out of an apply would be taken away. Of a host that
 * has ended, its end belongs to it too, so that a late report of an agent cannot take it back unseen.
 *
 * @param now - an RFC 3339 instant
 */
export function statusIntent(session: Session, change: StatusChange, now: string): Record<string, unknown> {
  const status = session.status as (NonNullable<BackupSession['status']> & { replicas?: number }) | undefined;
  const { conditions: changed, hosts: changedHosts, ...fields } = change;
  const conditions = (changed ?? []).reduce(
    (all, condition) => withCondition(all, condition, now),
    status?.conditions ?? [],
  );
  const hosts = (changedHosts ?? status?.hosts ?? []).map(hostIntent);
  return withoutUndefined({
    phase: status?.phase,
    startTime: status?.startTime,
    deadline: status?.deadline,
    completionTime: status?.completionTime,
    repository: status?.repository,
    configurationHash: status?.configurationHash,
    initializer: status?.initializer,
    retention: status?.retention,
    replicas: status?.replicas,
    job: status?.job,
    hooks: status?.hooks,
    ...fields,
    observedGeneration: observedGeneration(session),
    conditions,
    ...(hosts.length > 0 && { hosts }),
  });
}

/** Applies {@link statusIntent}; a conflict where the session has changed since `session` was read. */
export function applyStatus<T extends Session>(
  client: Client,
  resource: Resource,
  session: T,
  change: StatusChange,
  now: number,
): Promise<T> {
  const { name, namespace, resourceVersion } = session.metadata;
  const body = {
    apiVersion: session.apiVersion,
    kind: session.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    status: statusIntent(session, change, timestamp(now)),
  };
  return client.apply<T>(resource, body, { subresource: 'status', fieldManager: FIELD_MANAGER, force: true });
}

export function isSettled(host: HostNow): boolean {
  return host.phase === 'Succeeded' || host.phase === 'Failed';
}

/** How many hosts a message tells of, and how much of each: a condition holds 32 KiB, and a session up to 1,024 hosts. */
const MOST_TOLD = 8;
const LONGEST_TOLD = 2_000;

/** Which hosts failed and why, the first of them at length. */
export function describeFailures(failed: readonly HostNow[]): string {
  const told = failed
    .slice(0, MOST_TOLD)
    .map(({ host, message = 'no reason was given' }) => `${host}: ${message.slice(0, LONGEST_TOLD)}`);
  const rest = failed.slice(MOST_TOLD).map(({ host }) => host);
  if (rest.length === 0) return told.join('; ');
  const named = rest.slice(0, MOST_TOLD).join(', ');
  const more = rest.length > MOST_TOLD ? ` and ${rest.length - MOST_TOLD} more` : '';
  return `${told.join('; ')}; and ${named}${more}`;
}

/** What was restored, and what is to be said of it, the first of both. */
export function describeRestored(stats: readonly RestoreStat[], hosts: readonly HostNow[]): string {
  const of = (hostname: string) => (hosts.length > 1 ? ` of ${hostname}` : '');
  const told = stats
    .slice(0, MOST_TOLD)
    .map(({ hostname, directory, snapshot }) => `${directory}${of(hostname)} from snapshot ${snapshot}`);
  const more = stats.length > MOST_TOLD ? [`${stats.length - MOST_TOLD} more`] : [];
  return [`restored ${[...told, ...more].join(', ')}`, ...remarksOf(hosts)].join('; ');
}

/** How many snapshots there are, and what is to be said of them although all went well: what a backup of the cluster lacks, say. */
export function describeMade(snapshots: number, hosts: readonly HostNow[]): string {
  return [`snapshots made: ${snapshots}`, ...remarksOf(hosts)].join('; ');
}

function remarksOf(hosts: readonly HostNow[]): string[] {
  return hosts.flatMap(({ message }) => message?.slice(0, LONGEST_TOLD) ?? []).slice(0, MOST_TOLD);
}

/** These hosts in words, the first few by name. */
export function describeHosts(hosts: readonly HostNow[]): string {
  const named = hosts
    .slice(0, MOST_TOLD)
    .map(({ host, podName }) => (podName === undefined ? host : `${host} in pod ${podName}`));
  return hosts.length > MOST_TOLD
    ? `${named.join(', ')} and ${hosts.length - MOST_TOLD} more`
    : named.join(', ');
}

function hostIntent(host: HostNow): Record<string, unknown> {
  const { podName, podUID, phase, reason, message, completionTime } = host;
  const ended = isSettled(host) ? { phase, reason, message, completionTime } : {};
  return withoutUndefined({ host: host.host, podName, podUID, ...ended });
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
