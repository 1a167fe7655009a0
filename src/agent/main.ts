import { spawn } from 'node:child_process';
import { pino } from 'pino';
import { createClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import { createConnection } from '../kube/https-connection.ts';
import { inClusterEndpoint } from '../kube/in-cluster.ts';
import type { Agent, Identity, Spawn } from './agent.ts';
import { runCheck } from './check.ts';
import { logLevel } from './log-level.ts';
import { runRestore } from './restorer.ts';
import { runSidecar } from './sidecar.ts';

export { runCheck } from './check.ts';
export { runRestore } from './restorer.ts';
export { runSidecar } from './sidecar.ts';

/* Makes the agents of the process that they run in: its environment, the pod's files, the wall clock. */

/** `stash agent sidecar`. Resolves with the exit status, after SIGTERM or SIGINT. */
export async function sidecar(options: { configurations: string[]; directories: string[] }): Promise<number> {
  return inPod(options.directories, (agent) =>
    runSidecar({ ...agent, configurations: options.configurations }),
  );
}

/** `stash agent restore`. Resolves with the exit status, once there is nothing left to wait for. */
export async function restore(options: { sessions: string[]; directories: string[] }): Promise<number> {
  return inPod(options.directories, (agent) =>
    runRestore({ ...agent, sessions: options.sessions, owner: currentOwner() }),
  );
}

/** `stash agent check`. Resolves with the exit status. */
export async function check(options: { repository: string }): Promise<number> {
  return inPod([], (agent) => runCheck({ ...agent, repository: options.repository }));
}

/** What Node itself takes of the container's memory, in bytes, with some to spare. */
const ownMemory = 96 * 1024 * 1024;

const secretWaitMs = 75_000;

async function inPod(directories: string[], run: (agent: Agent) => Promise<number>): Promise<number> {
  const { env } = process;
  const identity = identityOf(env);
  const logger = pino({
    level: logLevel(env.LOG_LEVEL),
    base: { pod: identity.podName, namespace: identity.namespace },
  });
  const connection = createConnection(inClusterEndpoint({ env }), {
    userAgent: 'stash-agent',
    maxSockets: 4,
  });
  const termination = new AbortController();
  const terminate = (): void => termination.abort();
  process.on('SIGTERM', terminate).on('SIGINT', terminate);
  const limit = process.constrainedMemory();
  try {
    return await run({
      identity,
      directories,
      paths: { secrets: '/stash/secrets', scratch: '/stash/scratch' },
      client: createClient(connection),
      clock: systemClock,
      random: Math.random,
      spawn: spawnQuietly,
      signal: termination.signal,
      logger,
      restic: 'restic',
      programPath: env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      environment: env,
      secretWaitMs,
      // Without a limit the system tells the machine's own memory, or a number beyond any.
      ...(limit > 2 * ownMemory && limit < 2 ** 50 && { resticMemory: limit - ownMemory }),
    });
  } finally {
    connection.close();
    process.off('SIGTERM', terminate).off('SIGINT', terminate);
  }
}

function identityOf(env: NodeJS.ProcessEnv): Identity {
  const read = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') {
      throw new Error(`${name} is not set: an agent runs in a pod that the operator's webhook put it into`);
    }
    return value;
  };
  return {
    podName: read('POD_NAME'),
    podUID: read('POD_UID'),
    namespace: read('POD_NAMESPACE'),
    nodeName: read('NODE_NAME'),
  };
}

function currentOwner(): { uid: number; gids: number[] } {
  const gids = process.getgroups?.() ?? [];
  return { uid: process.geteuid?.() ?? 0, gids: [...gids, process.getegid?.() ?? 0] };
}

export const spawnQuietly: Spawn = (command, args, env) =>
  spawn(command, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
