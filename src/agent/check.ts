import type { Integrity } from '../api/integrity.ts';
import { DAMAGED } from '../api/integrity-result.ts';
import type { Repository } from '../api/repository.ts';
import { apiVersionOf, REPOSITORIES } from '../api/resources.ts';
import { backoffMs } from '../kube/backoff.ts';
import { sleep, timestamp } from '../kube/clock.ts';
import { isForbidden, isNotFound } from '../kube/errors.ts';
import { checkArguments, statsArguments } from '../restic/arguments.ts';
import { parseCheck, parseStats } from '../restic/output.ts';
import type { Agent } from './agent.ts';
import { boundedMessage, failureOf, HostFailure } from './failure.ts';
import { readObject } from './read-object.ts';
import { openRepository, type RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { prepareScratch } from './scratch.ts';
import { Stopped } from './stop.ts';

export interface CheckAgent extends Agent {
  /** The Repository, by name. */
  repository: string;
}

type Result = Pick<Integrity, 'phase' | 'reason' | 'message' | 'snapshotCount' | 'sizeBytes'>;

const pollMs = 1_000;
/** An operator that does not appoint this pod within so long has another one. */
const longestWaitMs = 10 * 60_000;
const mostReports = 12;
const reportBackoff = { baseMs: 500, maxMs: 15_000 };
const mostLines = 50;

/**
 * Checks the repository with restic, counts what is in it, and reports both in the Repository's `status.integrity`, once the operator
 * has appointed this pod there. Resolves with the exit status, which is 0 whatever was found: a Job that is tried again would find the
 * same.
 */
export async function runCheck(agent: CheckAgent): Promise<number> {
  const { logger } = agent;
  await prepareScratch(agent);
  const stop = new AbortController();
  const terminate = (): void => stop.abort(new Stopped('Terminated'));
  agent.signal.addEventListener('abort', terminate, { once: true });
  if (agent.signal.aborted) terminate();
  try {
    const repository = await appointment(agent, stop.signal);
    if (repository === undefined) {
      logger.warn({ repository: agent.repository }, 'this pod was not appointed to check the repository');
      return 1;
    }
    const result = await resultOf(agent, repository, stop.signal);
    return (await report(agent, repository, result)) ? 0 : 1;
  } catch (error) {
    logger.error({ err: error }, 'the repository was not checked');
    return 1;
  } finally {
    agent.signal.removeEventListener('abort', terminate);
  }
}

async function appointment(agent: CheckAgent, signal: AbortSignal): Promise<Repository | undefined> {
  const until = agent.clock.now() + longestWaitMs;
  while (agent.clock.now() < until && !signal.aborted) {
    const repository = await readObject<Repository>(agent, REPOSITORIES, agent.repository, signal);
    if (repository.status?.integrity?.podUID === agent.identity.podUID) return repository;
    await sleep(agent.clock, pollMs, signal);
  }
  return undefined;
}

async function resultOf(agent: CheckAgent, repository: Repository, signal: AbortSignal): Promise<Result> {
  try {
    const access = await openRepository(agent, repository, signal, ({ message }) =>
      agent.logger.warn({ repository: agent.repository }, message),
    );
    const noLock = repository.spec.backend.local?.persistentVolumeClaim?.readOnly === true;
    const readDataSubset = repository.spec.integrityCheck?.readDataSubset;
    await check(agent, access, { noLock, ...(readDataSubset !== undefined && { readDataSubset }) }, signal);
    const { stdout } = await runRestic(agent, access, {
      args: (locking) => statsArguments({ ...locking, noLock }),
      signal,
      isSilent: true,
    });
    const { snapshots, bytes } = parseStats(stdout);
    return { phase: 'Succeeded', snapshotCount: snapshots, sizeBytes: bytes };
  } catch (error) {
    return { phase: 'Failed', ...failureOf(error) };
  }
}

/** @throws {HostFailure} `Damaged` where restic found errors in the repository; otherwise as {@link runRestic} does */
async function check(
  agent: Agent,
  access: RepositoryAccess,
  options: Parameters<typeof checkArguments>[0],
  signal: AbortSignal,
): Promise<void> {
  const lines: string[] = [];
  const onLine = (line: string): void => {
    lines.push(line);
    if (lines.length > mostLines) lines.shift();
  };
  try {
    await runRestic(agent, access, {
      args: (locking) => checkArguments({ ...locking, ...options }),
      signal,
      onLine,
      // Until its end it says nothing.
      isSilent: true,
    });
  } catch (error) {
    const errors = parseCheck(lines.join('\n'));
    // Every other code says that it could not look.
    if (!(error instanceof HostFailure) || error.reason !== 'ResticFailed' || errors === 0) throw error;
    throw new HostFailure(
      DAMAGED,
      boundedMessage(
        `restic check found ${errors} ${errors === 1 ? 'error' : 'errors'} in the repository: some of its snapshots cannot be restored whole. Keep a copy of the storage before anything is repaired, and follow restic's manual, "Troubleshooting". ${error.message}`,
      ),
    );
  }
}

/** Whether the report was accepted. */
async function report(agent: CheckAgent, repository: Repository, result: Result): Promise<boolean> {
  const { client, clock, logger, random } = agent;
  const { name, namespace, uid } = repository.metadata;
  const integrity = { ...result, completionTime: timestamp(clock.now()) };
  const body = {
    apiVersion: apiVersionOf(REPOSITORIES),
    kind: REPOSITORIES.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
    },
    status: { integrity },
  };
  for (let attempt = 1; attempt <= mostReports; attempt++) {
    try {
      await client.apply(REPOSITORIES, body, {
        subresource: 'status',
        fieldManager: 'stash-agent-check',
        force: true,
        timeoutMs: 10_000,
      });
      logger.info({ repository: name, phase: result.phase, reason: result.reason }, 'the check is reported');
      return true;
    } catch (error) {
      logger.warn({ repository: name, attempt, err: error }, 'the report was not accepted');
      if (isNotFound(error) || isForbidden(error)) return false;
      await sleep(clock, backoffMs(attempt, { ...reportBackoff, random }));
    }
  }
  return false;
}
