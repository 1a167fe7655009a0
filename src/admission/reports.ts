import { canonicalJSON } from '../api/names.ts';
import { isOver, type SessionPhase } from '../api/sessions.ts';
import { isRecord, recordOf } from './record.ts';
import type { UserInfo } from './review.ts';

/**
 * Where a token that is bound to a pod names it.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
const POD_UID = 'authentication.kubernetes.io/pod-uid';
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const SERVICE_ACCOUNT = 'system:serviceaccount:';

/** What of a host's entry is the operator's to say: which pod acts. */
const FROZEN = ['host', 'podName', 'podUID'];

/**
 * Why `user` may not make the status `before` of a session into `after`, as a sentence; undefined where it may.
 *
 * A pod says what becomes of its own host, in a session that is not over: that entry of `hosts`, but for which pod it is, and the
 * entries of `stats` that bear its host's name. What is settled stays so: an agent that was given up cannot come back and call its
 * backup good. The operator and people say what RBAC lets them say. A service account that is in no pod is nobody's agent.
 *
 * @param operator - the user name of the operator, which runs in a pod itself
 */
export function refusalOfReport(
  user: UserInfo,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  operator: string,
): string | undefined {
  if (user.username === operator || !user.username.startsWith(SERVICE_ACCOUNT)) return undefined;
  const uid = user.extra[POD_UID]?.[0];
  if (uid === undefined) {
    return `${user.username} reports without a token that is bound to a pod; only the agents in the pods of status.hosts report`;
  }
  const own = entriesBy(before.hosts, hostOf).filter(([, { podUID }]) => podUID === uid);
  if (own.length === 0) {
    return `the pod ${user.extra[POD_NAME]?.[0] ?? ''} (uid ${uid}) is none of status.hosts; only the agents in these pods report`;
  }
  const phase = before.phase as SessionPhase | undefined;
  if (phase !== undefined && isOver({ status: { phase } })) return `the session is over: it is ${phase}`;
  return refusalOfChange(new Set(own.map(([host]) => host)), before, after);
}

/** What of a check is the operator's to say: which pod checks, and until when. */
const APPOINTED = ['jobName', 'scheduledTime', 'startTime', 'deadline', 'podName', 'podUID'];

/**
 * Why `user` may not make the status `before` of a Repository into `after`, as a sentence; undefined where it may.
 *
 * The pod that the operator appointed says what it found, once, in `status.integrity`. Otherwise as {@link refusalOfReport}.
 */
export function refusalOfCheck(
  user: UserInfo,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  operator: string,
): string | undefined {
  if (user.username === operator || !user.username.startsWith(SERVICE_ACCOUNT)) return undefined;
  const uid = user.extra[POD_UID]?.[0];
  if (uid === undefined) {
    return `${user.username} reports without a token that is bound to a pod; only the pod of status.integrity reports`;
  }
  const { integrity: oldIntegrity, ...oldRest } = before;
  const { integrity: newIntegrity, ...newRest } = after;
  const appointed = recordOf(oldIntegrity);
  if (appointed.podUID !== uid) {
    return `the pod ${user.extra[POD_NAME]?.[0] ?? ''} (uid ${uid}) is not that of status.integrity; only that one reports`;
  }
  if (appointed.completionTime !== undefined) return 'the check is over, and what was reported stays so';
  const field = changedField(oldRest, newRest);
  if (field !== undefined) return `status.${field} is not for the pod of a check to change`;
  const reported = recordOf(newIntegrity);
  const frozen = APPOINTED.find((each) => reported[each] !== appointed[each]);
  return frozen === undefined ? undefined : `${frozen} of status.integrity is the operator's to say`;
}

function refusalOfChange(
  own: Set<string>,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): string | undefined {
  const { hosts: oldHosts, stats: oldStats, ...oldRest } = before;
  const { hosts: newHosts, stats: newStats, ...newRest } = after;
  const names = [...own].join(', ');
  const field = changedField(oldRest, newRest);
  if (field !== undefined) return `status.${field} is not for an agent to change; its own host is ${names}`;

  const foreignHost = changedKey(entriesBy(oldHosts, hostOf), entriesBy(newHosts, hostOf), own);
  if (foreignHost !== undefined) return `the host ${foreignHost} is another's; this pod's own is ${names}`;
  const foreignStat = changedKey(entriesBy(oldStats, statOf), entriesBy(newStats, statOf), own);
  if (foreignStat !== undefined)
    return `the stats of ${foreignStat} are another's; this pod's own host is ${names}`;
  return refusalOfOwn(own, before, newHosts);
}

function refusalOfOwn(
  own: Set<string>,
  { hosts: oldHosts, initializer }: Record<string, unknown>,
  newHosts: unknown,
): string | undefined {
  const reported = new Map(entriesBy(newHosts, hostOf));
  for (const [host, old] of entriesBy(oldHosts, hostOf)) {
    if (!own.has(host)) continue;
    const entry = reported.get(host);
    if (entry === undefined) return `the host ${host} cannot take itself out of the session`;
    const frozen = FROZEN.find((field) => entry[field] !== old[field]);
    if (frozen !== undefined) return `${frozen} of the host ${host} is the operator's to say`;
    if ((old.phase === 'Succeeded' || old.phase === 'Failed') && entry.phase !== old.phase) {
      return `the host ${host} is ${old.phase} already, and what is settled stays so`;
    }
    const isNamed = old.repositoryID === undefined && initializer === host;
    if (entry.repositoryID !== old.repositoryID && !isNamed) {
      return `the repositoryID is for status.initializer to say, once, and the host ${host} is not asked`;
    }
  }
  return undefined;
}

interface Entry {
  [field: string]: unknown;
}

const hostOf = ({ host }: Entry) => String(host);
const statOf = ({ hostname }: Entry) => String(hostname);

/** The entries of a list with what `keyOf` finds in each; one key may have several. */
function entriesBy(list: unknown, keyOf: (entry: Entry) => string): [string, Entry][] {
  if (!Array.isArray(list)) return [];
  return list.filter(isRecord).map((entry) => [keyOf(entry), entry]);
}

/** A key outside `own` under which the two lists differ. */
function changedKey(
  before: [string, Entry][],
  after: [string, Entry][],
  own: Set<string>,
): string | undefined {
  const keys = new Set([...before, ...after].map(([key]) => key));
  const under = (entries: [string, Entry][], key: string) =>
    entries.flatMap(([other, entry]) => (other === key ? [canonicalJSON(entry)] : [])).sort();
  return [...keys].find(
    (key) => !own.has(key) && under(before, key).join('\n') !== under(after, key).join('\n'),
  );
}

function changedField(before: Entry, after: Entry): string | undefined {
  const fields = Object.keys({ ...before, ...after });
  return fields.find((field) => canonicalJSON({ at: before[field] }) !== canonicalJSON({ at: after[field] }));
}
