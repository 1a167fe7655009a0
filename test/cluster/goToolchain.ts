import { chmodSync, cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { ClusterFailure } from './failure.ts';
import { findProgram, install, packages } from './packages.ts';
import { platform } from './platform.ts';
import type { Progress } from './progress.ts';
import { attempt, run } from './run.ts';
import { versions } from './versions.ts';

/**
 * What every call of Go has: no cgo (no C compiler is needed, and what is built runs in any image), no
 * toolchain or workspace of Go's own choosing, and no flags of the user's.
 */
export function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '-mod=mod' };
}

/** Where programs named go are looked for besides the PATH. */
const usualPlaces = ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'];

/** The path of a Go that is new enough: the machine's, the cached one, or one that is fetched. */
export async function goToolchain(progress: Progress): Promise<string> {
  let any: string | undefined;
  for (const candidate of [findProgram('go'), ...usualPlaces]) {
    if (candidate === undefined || !existsSync(candidate)) continue;
    const version = await goVersion(candidate);
    if (version === undefined) continue;
    if (!olderThan(version, versions.goAtLeast)) return candidate;
    any ??= candidate;
  }
  const { os, arch } = platform();
  const folder = join(cacheFolder(), 'go', `${versions.go}-${os}-${arch}`);
  await cached(
    folder,
    (unfinished) => fetchToolchain(unfinished, any, progress),
    () => progress.say('Waiting for another run that fetches Go'),
  );
  return join(folder, 'bin', 'go');
}

/**
 * Go's toolchains are Go modules too, so any old Go fetches a new one, its checksum verified like any
 * module's. Files in the module cache are not executable: hence the copy.
 */
async function fetchToolchain(target: string, oldGo: string | undefined, progress: Progress): Promise<void> {
  if (oldGo === undefined) await install(packages.go, progress);
  const go = oldGo ?? findProgram('go');
  if (go === undefined)
    throw new ClusterFailure('golang-go was installed, and yet there is no `go` in the PATH');
  const { os, arch } = platform();
  const module = `golang.org/toolchain@v0.0.1-go${versions.go}.${os}-${arch}`;
  await progress.during(`Fetching Go ${versions.go}`, async () => {
    const folder = await downloadModule(go, module);
    cpSync(folder, target, { recursive: true });
    const executables = ['bin', join('pkg', 'tool', `${os}_${arch}`)];
    for (const executable of executables) {
      const inTarget = join(target, executable);
      if (!existsSync(inTarget)) continue;
      chmodSync(inTarget, 0o755);
      for (const file of readdirSync(inTarget)) chmodSync(join(inTarget, file), 0o755);
    }
  });
}

/**
 * The folder of a module in Go's cache, fetched where it is missing.
 *
 * @param module - `path@version`
 */
export async function downloadModule(go: string, module: string): Promise<string> {
  // Outside of any module, or Go would take the one in the current folder into account.
  const outcome = await attempt(go, ['mod', 'download', '-json', module], {
    cwd: '/',
    env: { ...goEnvironment(), GOFLAGS: '' },
  });
  const answer = parseDownload(outcome.stdout);
  if (answer.Dir !== undefined && outcome.status === 0) return answer.Dir;
  throw new ClusterFailure(
    `the Go module ${module} is not to be had: ${answer.Error ?? outcome.tail}\nIs the Go module proxy (GOPROXY) reachable?`,
  );
}

function parseDownload(stdout: string): { Dir?: string; Error?: string } {
  try {
    return JSON.parse(stdout) as { Dir?: string; Error?: string };
  } catch {
    return {};
  }
}

async function goVersion(go: string): Promise<string | undefined> {
  const outcome = await attempt(go, ['version'], { cwd: '/', env: goEnvironment(), timeout: 10_000 });
  return outcome.status === 0 ? parseGoVersion(outcome.stdout) : undefined;
}

/** `go version go1.26.8 linux/amd64` → `1.26.8`; of a development version nothing can be said. */
export function parseGoVersion(text: string): string | undefined {
  return /^go version go(\d+\.\d+(?:\.\d+)?)(?:\s|$)/.exec(text)?.[1];
}

/** Compares dotted numbers; a missing one counts as 0. */
export function olderThan(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Runs `go build`; exported for the one place that builds. */
export async function goBuild(go: string, args: readonly string[], cwd: string): Promise<void> {
  await run(go, ['build', '-buildvcs=false', ...args], { cwd, env: goEnvironment() });
}
