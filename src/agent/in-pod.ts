import { spawn } from 'node:child_process';
import { pino } from 'pino';
import { createClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import type { Connection } from '../kube/connection.ts';
import { createConnection } from '../kube/https-connection.ts';
import { inClusterEndpoint } from '../kube/in-cluster.ts';
import type { Agent, Identity, Spawn } from './agent.ts';
import { logLevel } from './log-level.ts';

/* Makes the agents of the process that they run in: its environment, the pod's files, the wall clock. */

/** What Node itself takes of the container's memory, in bytes, with some to spare. */
const ownMemory = 96 * 1024 * 1024;

const secretWaitMs = 75_000;

/** Makes the agent of the process that this is, and ends it with SIGTERM or SIGINT. Resolves with what `run` does. */
export async function inPod(
  directories: string[],
  run: (agent: Agent, connection: Connection) => Promise<number>,
): Promise<number> {
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
    const agent: Agent = {
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
    };
    return await run(agent, connection);
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

/** The user and groups of this process. */
export function currentOwner(): { uid: number; gids: number[] } {
  const gids = process.getgroups?.() ?? [];
  return { uid: process.geteuid?.() ?? 0, gids: [...gids, process.getegid?.() ?? 0] };
}

export const spawnQuietly: Spawn = (command, args, env) =>
  spawn(command, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
