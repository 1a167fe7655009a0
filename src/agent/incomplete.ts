import type { BackupHost, BackupStat } from '../api/backup-session.ts';
import { NOT_MARKED } from '../api/sessions.ts';
import { timestamp } from '../kube/clock.ts';
import { addTagArguments } from '../restic/arguments.ts';
import { parseTagged } from '../restic/output.ts';
import { INCOMPLETE_TAG } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { boundedMessage, failureOf, HostFailure } from './failure.ts';
import type { Report } from './report.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { Stopped } from './stop.ts';

/** A snapshot that restic made, and what it lacks, as a sentence. */
export interface Flawed {
  snapshot: string;
  flaw: string;
}

/** What was stopped before it could mark its snapshots gets so much longer for it, in milliseconds. */
const lastMs = 5_000;

/**
 * Says on `report` which snapshots are not complete before they are marked so. Whoever settles the host of an agent that dies until then keeps
 * that. It is not waited for until it is accepted: an outage of the API server keeps no snapshot from being marked.
 */
export function tellFlawed(
  report: Pick<Report<BackupHost, BackupStat>, 'tell'>,
  flawed: readonly Flawed[],
): void {
  const { what, it, one, short } = named(flawed);
  const message = `${what} not complete and not marked so yet. A restore takes ${it} for ${one} unless that is done: look at "restic snapshots ${short.join(' ')}", and remove what has no tag "${INCOMPLETE_TAG}" with "restic forget". ${lacks(flawed)}`;
  report.tell({ reason: NOT_MARKED, message: boundedMessage(message) });
}

/**
 * Puts the tag of incomplete snapshots on some that restic made, by one process. Until then nothing tells them from good ones.
 *
 * @returns the ids that they have now, by those that they had
 * @throws {HostFailure} `NotMarkedIncomplete` whatever kept it from being done, a stop as well: somebody has to know of those snapshots
 */
export async function markIncomplete(
  agent: Agent,
  access: RepositoryAccess,
  flawed: readonly Flawed[],
  report: Pick<Report<BackupHost, BackupStat>, 'tell'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const [first, ...more] = flawed.map(({ snapshot }) => snapshot);
  if (first === undefined) return new Map();
  const snapshots = [first, ...more] as const;
  const late = new AbortController();
  const timer = agent.clock.setTimeout(() => late.abort(new Stopped('Terminated')), lastMs);
  // It waits for no lock then.
  const last = { ...access, deadline: timestamp(agent.clock.now()) };
  tellFlawed(report, flawed);
  try {
    const { stdout } = await runRestic(agent, signal.aborted ? last : access, {
      args: (locking) => addTagArguments({ ...locking, tags: [INCOMPLETE_TAG], snapshots }),
      signal: signal.aborted ? late.signal : signal,
    });
    const now = new Map(snapshots.map((snapshot) => [snapshot, parseTagged(stdout, snapshot)]));
    report.tell({ reason: undefined, message: undefined });
    return now;
  } catch (error) {
    const { what, it, one, short } = named(flawed);
    throw new HostFailure(
      NOT_MARKED,
      `${what} not complete and could not be marked so, so that a restore takes ${it} for ${one}: remove ${it} with "restic forget ${short.join(' ')}". It was not done because: ${failureOf(error).message} ${lacks(flawed)}`,
    );
  } finally {
    timer.cancel();
  }
}

function named(flawed: readonly Flawed[]): { what: string; it: string; one: string; short: string[] } {
  const short = flawed.map(({ snapshot }) => snapshot.slice(0, 8));
  return short.length === 1
    ? { what: `Snapshot ${short.join()} is`, it: 'it', one: 'a good one', short }
    : { what: `Snapshots ${short.join(', ')} are`, it: 'them', one: 'good ones', short };
}

function lacks(flawed: readonly Flawed[]): string {
  return flawed.map(({ snapshot, flaw }) => `${snapshot.slice(0, 8)}: ${flaw}`).join('. ');
}
