import { addTagArguments } from '../restic/arguments.ts';
import { parseTagged } from '../restic/output.ts';
import { INCOMPLETE_TAG } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { failureOf, HostFailure } from './failure.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';

/**
 * Puts the tag of an incomplete snapshot on one that restic made. Until then nothing tells it from a good one.
 *
 * @param flaw - what it lacks, as a sentence
 * @returns the id that the snapshot has now
 * @throws {HostFailure} `NotMarkedIncomplete` whatever kept it from being done, a stop as well: somebody has to know of that snapshot
 */
export async function markIncomplete(
  agent: Agent,
  access: RepositoryAccess,
  snapshot: string,
  flaw: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { stdout } = await runRestic(agent, access, {
      args: (locking) => addTagArguments({ ...locking, tag: INCOMPLETE_TAG, snapshot }),
      signal,
    });
    return parseTagged(stdout);
  } catch (error) {
    const id = snapshot.slice(0, 8);
    throw new HostFailure(
      'NotMarkedIncomplete',
      `${flaw}. Snapshot ${id} could not be marked as incomplete, so that a restore takes it for a good one: remove it with "restic forget ${id}". It was not marked because: ${failureOf(error).message}`,
    );
  }
}
