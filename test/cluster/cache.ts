import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is kept between runs: binaries, the Go toolchain, images. Deleting it costs time and nothing else. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'stash-ts');
}

/**
 * What `make` puts at the path that it is given, made once: by one process at a time, and seen by others
 * only when it is whole.
 *
 * @param path - a file or folder in the cache, whose name tells everything that it depends on
 * @param waiting - called once where another process holds the lock
 */
export async function cached(
  path: string,
  make: (unfinished: string) => Promise<void>,
  waiting: () => void = () => {},
): Promise<string> {
  if (existsSync(path)) return path;
  await using _lock = await lock(path, waiting);
  if (existsSync(path)) return path;
  mkdirSync(join(path, '..'), { recursive: true });
  const unfinished = `${path}.unfinished`;
  // Of a run that was killed: nobody else writes it, since the lock is ours.
  rmSync(unfinished, { recursive: true, force: true });
  try {
    await make(unfinished);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return path;
}

/**
 * An abstract socket as a lock: the kernel gives it back when its process dies, however it dies, so no
 * stale lock can be left and none need be broken.
 */
export async function lock(path: string, waiting: () => void = () => {}): Promise<AsyncDisposable> {
  // Only Linux has abstract sockets. Elsewhere no cluster is started, and a rename decides who was first.
  if (process.platform !== 'linux') return { [Symbol.asyncDispose]: async () => {} };
  const name = `\0stash-ts-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  for (let told = false; ; ) {
    const server = createServer();
    const held = await new Promise<boolean>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
      );
      server.listen(name, () => resolve(true));
    });
    if (held) {
      server.unref();
      return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
    }
    if (!told) waiting();
    told = true;
    await sleep(200);
  }
}

/** Marks as used now, so that `prune` keeps it. */
export function touch(path: string): void {
  const now = new Date();
  utimesSync(path, now, now);
}

/** Keeps the `count` entries of a folder that were used last. */
export function prune(folder: string, count: number): void {
  if (!existsSync(folder)) return;
  const entries = readdirSync(folder)
    .map((name) => join(folder, name))
    .map((path) => ({ path, used: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.used - a.used);
  for (const { path } of entries.slice(count)) rmSync(path, { recursive: true, force: true });
}
