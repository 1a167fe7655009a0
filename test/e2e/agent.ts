import { spawn } from 'node:child_process';
import { SIDECAR } from '../../src/injection/layout.ts';
import type { Namespace, Pod } from './cluster.ts';
import { kubectl } from './kubectl.ts';

/* What the tests do in the agent's own container, with the programs of its image: node and restic. */

export interface Snapshot {
  short_id: string;
  time: string;
  hostname: string;
  paths: string[];
  tags?: string[];
}

/** restic in the sidecar of `pod`, in the Repository `name` (in the subPath of the claim that `repository` of the objects gives it). */
export function restic(
  namespace: Namespace,
  pod: Pod,
  repository: { name: string; subPath?: string },
  ...args: string[]
): Promise<string> {
  const { name, subPath = name } = repository;
  const where = [
    `--repo=/stash/repositories/${name}/${subPath}`,
    `--password-file=/stash/secrets/${name}/RESTIC_PASSWORD`,
  ];
  return namespace.node(pod, resticScript, SIDECAR, '--no-cache', ...where, ...args);
}

/** The container's own file system is read-only. */
const resticScript = `
const { spawnSync } = require('node:child_process');
const env = { ...process.env, TMPDIR: '/stash/scratch/tmp' };
process.exitCode = spawnSync('restic', process.argv.slice(1), { env, stdio: 'inherit' }).status;
`;

/** The snapshots in the Repository `name`, oldest first. */
export async function snapshots(
  namespace: Namespace,
  pod: Pod,
  repository: { name: string; subPath?: string },
): Promise<Snapshot[]> {
  const all = JSON.parse(
    await restic(namespace, pod, repository, '--no-lock', 'snapshots', '--json'),
  ) as Snapshot[];
  return all.sort((a, b) => a.time.localeCompare(b.time));
}

/** A restic that does not get on. */
export interface HeldRestic {
  /** Resolves when there is one. */
  held: Promise<void>;
  /** Lets it go on. */
  release: () => Promise<void>;
  /** Lies in wait no longer. */
  close: () => Promise<void>;
}

/**
 * Stops (SIGSTOP) the next `restic VERB` of a container of `pod` as soon as the repository is locked, so that what happens in the middle
 * of it is no matter of luck. Resolves when it lies in wait.
 *
 * @throws {Error} where the container does not run
 */
export async function holdRestic(
  namespace: Namespace,
  pod: Pod,
  verb: string,
  container = SIDECAR,
): Promise<HeldRestic> {
  const at = ['-n', namespace.name, pod.metadata.name, '-c', container, '--', 'node', '-e'];
  const child = spawn('kubectl', ['exec', '-i', ...at, holdScript, verb], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const waiting = Promise.withResolvers<void>();
  const held = Promise.withResolvers<string>();
  // It may never be asked for.
  held.promise.catch(() => {});
  let said = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    if (said.includes('waiting\n')) waiting.resolve();
    const pid = /held (\d+)\n/.exec(said)?.[1];
    if (pid !== undefined) held.resolve(pid);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint += chunk;
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  void ended.then(() => {
    const error = new Error(`no restic ${verb} was held in ${pod.metadata.name}: ${said}${complaint}`);
    waiting.reject(error);
    held.reject(error);
  });
  await waiting.promise;
  const seen = held.promise.then(() => {});
  seen.catch(() => {});
  return {
    held: seen,
    release: async () => {
      // It may have been killed meanwhile.
      await kubectl('exec', ...at, `try { process.kill(${await held.promise}, 'SIGCONT'); } catch {}`);
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

const holdScript = `
const { readdirSync, readFileSync } = require('node:fs');
const verb = process.argv[1];
const partsOf = (file) => {
  try { return readFileSync(file, 'utf8').split('\\0'); } catch { return []; }
};
const isAtWork = (pid) => {
  const [command = '', first] = partsOf('/proc/' + pid + '/cmdline');
  if (!/(^|\\/)restic$/.test(command) || first !== verb) return false;
  const repository = partsOf('/proc/' + pid + '/environ').find((each) => each.startsWith('RESTIC_REPOSITORY='));
  try { return readdirSync(repository.slice('RESTIC_REPOSITORY='.length) + '/locks').length > 0; } catch { return false; }
};
const look = () => {
  if (process.uptime() > 180) process.exit(1);
  const pid = readdirSync('/proc').find((name) => /^\\d+$/.test(name) && isAtWork(name));
  if (pid === undefined) return setTimeout(look, 2);
  process.kill(Number(pid), 'SIGSTOP');
  process.stdout.write('held ' + pid + '\\n', () => process.exit());
};
process.stdin.on('end', () => process.exit()).resume();
console.log('waiting');
look();
`;
