import { spawn } from 'node:child_process';
import type { Connection } from '../kube/connection.ts';
import { OUTPUT_DIR, SECRETS_DIR } from '../tasks/layout.ts';
import { type ClusterBackupOptions, runClusterBackup } from './cluster-backup.ts';
import { currentOwner, inPod } from './in-pod.ts';
import { runPgBackup } from './pg-backup.ts';
import { runPgRecovery } from './pg-recovery.ts';
import type { PgAgent } from './pg-step.ts';
import type { SpawnFed } from './pipe.ts';
import { runPostBackup } from './post-backup.ts';
import { runPostRecovery } from './post-recovery.ts';
import { type PrepareOptions, runPrepare } from './prepare.ts';
import { type PushSwitch, pushOf } from './pushgateway.ts';
import type { StepAgent } from './step.ts';
import { runVolumeBackup } from './volume-backup.ts';
import { runVolumeRecovery } from './volume-recovery.ts';

/* The steps of a Task, which run in the pod of a Job. No sidecar loads them: it stands in every pod of a cluster. */

/** What both steps of PostgreSQL are told; an empty text says nothing. */
export interface PgOptions {
  hostname: string;
  database: string;
  scheme: string;
  query: string;
  insecureSkipTlsVerify: string;
  outputDir: string;
}

/** `stash agent pg-backup`. Resolves with the exit status, as all steps do. */
export async function pgBackup(options: PgOptions & { backupsession: string }): Promise<number> {
  return inJob((agent) => runPgBackup(pgAgent(agent, options.backupsession, options)));
}

/** `stash agent pg-recovery`. */
export async function pgRecovery(options: PgOptions & { recoveryconfiguration: string }): Promise<number> {
  return inJob((agent) =>
    runPgRecovery({
      ...pgAgent(agent, options.recoveryconfiguration, options),
      spawnFed: spawnFedQuietly,
    }),
  );
}

function pgAgent(agent: StepAgent, session: string, options: PgOptions): PgAgent {
  const { hostname, database, scheme, query, insecureSkipTlsVerify, outputDir } = options;
  return {
    ...agent,
    session,
    hostname,
    database,
    address: { scheme, query, insecureSkipTLSVerify: insecureSkipTlsVerify },
    outputDirectory: outputDir,
  };
}

/** `stash agent prepare`. */
export async function prepare(options: Pick<PrepareOptions, 'kind' | 'session'>): Promise<number> {
  return inJob((agent) => runPrepare({ ...agent, ...options }));
}

/** What a step of a claim is told. */
export interface VolumeStep {
  session: string;
  mountPath: string;
  outputDirectory: string;
}

/** `stash agent volume-backup`. */
export async function volumeBackup(options: VolumeStep): Promise<number> {
  return inJob((agent) => runVolumeBackup({ ...agent, ...options, uid: currentOwner().uid }));
}

/** `stash agent volume-recovery`. */
export async function volumeRecovery(options: VolumeStep): Promise<number> {
  return inJob((agent) => runVolumeRecovery({ ...agent, ...options, owner: currentOwner() }));
}

/** What the step of the cluster is told. */
export type ClusterStep = Pick<
  ClusterBackupOptions,
  'session' | 'sanitize' | 'includeSecrets' | 'outputDirectory'
>;

/** `stash agent cluster-backup`. */
export async function clusterBackup(options: ClusterStep): Promise<number> {
  return inJob((agent, connection) => runClusterBackup({ ...agent, connection, ...options }));
}

/** What the last step of a Task is told. */
export interface PostStep extends PushSwitch {
  session: string;
  outputDirectory: string;
}

/** `stash agent post-backup-update`. */
export async function postBackup(options: PostStep): Promise<number> {
  const { session, outputDirectory, ...push } = options;
  return inJob((agent) => runPostBackup({ ...agent, session, outputDirectory, ...pushOf(agent, push) }));
}

/** `stash agent post-recovery-update`. */
export async function postRecovery(options: PostStep): Promise<number> {
  const { session, outputDirectory, ...push } = options;
  return inJob((agent) => runPostRecovery({ ...agent, session, outputDirectory, ...pushOf(agent, push) }));
}

/** In the pod of a Job all steps share one volume, and may be different users, who cannot write in each other's directories. */
async function inJob(run: (agent: StepAgent, connection: Connection) => Promise<number>): Promise<number> {
  const scratch = `${OUTPUT_DIR}/agent-${process.geteuid?.() ?? 0}`;
  return inPod([], (agent, connection) =>
    run(
      { ...agent, paths: { secrets: SECRETS_DIR, scratch }, terminationLog: '/dev/termination-log' },
      connection,
    ),
  );
}

export const spawnFedQuietly: SpawnFed = (command, args, env) =>
  spawn(command, args, { env: { ...env }, stdio: ['pipe', 'ignore', 'pipe'] });
