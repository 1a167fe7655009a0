import type { BackupSession } from '../api/backup-session.ts';
import { sleep } from '../kube/clock.ts';
import { catConfigArguments, initArguments } from '../restic/arguments.ts';
import { NO_REPOSITORY } from '../restic/exit-codes.ts';
import { parseConfig, parseInit } from '../restic/output.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { stopOf } from './stop.ts';

/**
 * The id of the repository, which is made where there is none. Only a session's initializer may ask: two concurrent `init` both succeed,
 * and leave a repository that nobody can read.
 *
 * @throws {HostFailure} as {@link runRestic} does
 */
export async function initialize(
  agent: Agent,
  access: RepositoryAccess,
  signal: AbortSignal,
): Promise<string> {
  const config = await runRestic(agent, access, {
    args: catConfigArguments,
    signal,
    accept: [NO_REPOSITORY],
  });
  if (config.code !== NO_REPOSITORY) return parseConfig(config.stdout);
  return parseInit((await runRestic(agent, access, { args: initArguments, signal })).stdout);
}

const pollMs = 500;

/**
 * Waits until the host that may make the repository has it.
 *
 * @param current - the session as it is now
 * @throws {HostFailure} `InitializerFailed`
 * @throws {Stopped} where `signal` was aborted
 */
export async function awaitInitializer(
  agent: Agent,
  current: () => BackupSession,
  initializer: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const host = current().status?.hosts?.find((each) => each.host === initializer);
    if (host?.repositoryID !== undefined) return;
    if (host?.phase === 'Failed') {
      throw new HostFailure(
        'InitializerFailed',
        `the repository is not there yet, and ${initializer}, which was to make it, failed: ${host.message ?? host.reason ?? 'without a reason'}`,
      );
    }
    await sleep(agent.clock, pollMs, signal);
    if (signal.aborted) throw stopOf(signal);
  }
}
