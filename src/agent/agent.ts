import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';

/** The pod that the agent runs in, as the downward API tells it. */
export interface Identity {
  podName: string;
  podUID: string;
  namespace: string;
  nodeName: string;
}

export interface AgentPaths {
  /** Has a directory for each Repository, with the keys of its Secret as files. */
  secrets: string;
  /** Writable; its contents may be lost at any time. */
  scratch: string;
}

/** Starts a program with this environment and no other. Throws nothing: what fails comes as the child's `error` event. */
export type Spawn = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) => ChildProcessByStdio<null, Readable, Readable>;

/** What every part of an agent is given, so that tests own time, processes and the API. */
export interface Agent {
  identity: Identity;
  /** The directories that are mounted here, at the paths that the workload's container sees. */
  directories: readonly string[];
  paths: AgentPaths;
  client: Client;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  spawn: Spawn;
  /** Ends the agent: the pod is being terminated. */
  signal: AbortSignal;
  logger: Logger;
  /** The restic program, looked for in `programPath`. */
  restic: string;
  programPath: string;
  /** The agent's own; restic gets none of it but what leads to the credentials of a cloud's own. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Bytes that restic should stay within; undefined where the container has no limit. */
  resticMemory?: number;
  /** Milliseconds to wait for a Secret that is not there yet. */
  secretWaitMs: number;
}
