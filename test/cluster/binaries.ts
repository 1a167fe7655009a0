import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import type { Binary } from './catalog.ts';
import { takeFromDebian } from './debian.ts';
import { type Downloaded, download } from './download.ts';
import { buildFromSource } from './goBuild.ts';
import { goToolchain } from './goToolchain.ts';
import { buildFromPackages } from './npmBuild.ts';
import { isExecutable } from './packages.ts';
import { platform } from './platform.ts';
import type { Progress } from './progress.ts';
import { attempt } from './run.ts';

export type Origin = 'PATH' | 'KUBEBUILDER_ASSETS' | 'cache' | 'download' | 'build';

export interface Found {
  path: string;
  origin: Origin;
}

/** What the search depends on, passed in so that tests own it. */
export interface Search {
  path: string;
  assets: string | undefined;
  cache: string;
  /** The base address of the Kubernetes project's downloads, to which `/vX.Y.Z/bin/OS/ARCH/NAME` is added. */
  downloads: string;
  versionOf(path: string, args: readonly string[]): Promise<string>;
  build(binary: Binary, output: string): Promise<void>;
}

export const kubernetesDownloads = 'https://dl.k8s.io/release';

export function searchFrom(env: NodeJS.ProcessEnv, progress: Progress): Search {
  let go: Promise<string> | undefined;
  return {
    path: env.PATH ?? '',
    assets: env.KUBEBUILDER_ASSETS,
    cache: cacheFolder(env),
    downloads: env.STASH_KUBERNETES_DOWNLOADS || kubernetesDownloads,
    versionOf: async (path, args) => (await attempt(path, args, { timeout: 10_000 })).stdout,
    build: async ({ source }, output) => {
      if ('locked' in source) return buildFromPackages(source, output);
      if ('debian' in source) return takeFromDebian(source, output);
      go ??= goToolchain(progress);
      await buildFromSource(await go, source, output);
    },
  };
}

/**
 * A path for each of `binaries`, by name. Each comes, in its pinned version only, from the first of: the PATH;
 * KUBEBUILDER_ASSETS; the cache; the Kubernetes project's downloads, verified; a build from its Go module.
 */
export async function provide(
  binaries: readonly Binary[],
  search: Search,
  progress: Progress,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  const present = await Promise.all(binaries.map((binary) => findPresent(binary, search)));
  const absent = binaries.filter((binary, i) => {
    const where = present[i];
    if (where !== undefined) found.set(binary.name, where);
    return where === undefined;
  });
  let reachable = true;
  for (const [i, binary] of absent.entries()) {
    const number = `${i + 1} of ${absent.length}`;
    let origin: Origin = 'cache';
    const path = await cached(
      cachePath(binary, search.cache),
      async (unfinished) => {
        if (binary.published && reachable) {
          const outcome = await fetchPublished(binary, search, unfinished, number, progress);
          if (outcome.ok) {
            origin = 'download';
            return;
          }
          reachable = outcome.reachable;
          progress.say(`${outcome.reason}: building from source instead`);
        }
        origin = 'build';
        await progress.during(`Building ${binary.name} ${binary.version} (${number})`, () =>
          search.build(binary, unfinished),
        );
      },
      () => progress.say(`Waiting for another run that gets ${binary.name}`),
    );
    found.set(binary.name, { path, origin });
  }
  return found;
}

function cachePath(binary: Binary, cache: string): string {
  const { os, arch } = platform();
  return join(cache, 'bin', `${binary.name}-${binary.version}-${os}-${arch}`);
}

async function findPresent(binary: Binary, search: Search): Promise<Found | undefined> {
  const places: [Origin, string[]][] = [
    ['PATH', search.path.split(delimiter)],
    ['KUBEBUILDER_ASSETS', search.assets === undefined ? [] : [search.assets]],
  ];
  for (const [origin, folders] of places) {
    for (const folder of folders) {
      const path = join(folder, binary.name);
      if (folder === '' || !isExecutable(path)) continue;
      if (await hasPinnedVersion(binary, path, search)) return { path, origin };
    }
  }
  const path = cachePath(binary, search.cache);
  return existsSync(path) ? { path, origin: 'cache' } : undefined;
}

async function hasPinnedVersion(binary: Binary, path: string, search: Search): Promise<boolean> {
  if (binary.versionArgs === undefined) return false;
  return saysVersion(await search.versionOf(path, binary.versionArgs), binary.version);
}

/** Whether `text` names exactly `version`: neither 1.34.41 nor 1.34.4-rc.0 nor 1.34.4+k3s1 is 1.34.4. */
export function saysVersion(text: string, version: string): boolean {
  const escaped = version.replaceAll('.', String.raw`\.`);
  return new RegExp(String.raw`(?<![\w.+]|\d-)v?${escaped}(?![\w+-]|\.\d)`).test(text);
}

async function fetchPublished(
  binary: Binary,
  search: Search,
  target: string,
  number: string,
  progress: Progress,
): Promise<Downloaded> {
  const { os, arch } = platform();
  const url = `${search.downloads}/v${binary.version}/bin/${os}/${arch}/${binary.name}`;
  let detail = '';
  const failed = new Error('not downloaded');
  let outcome: Downloaded = { ok: false, reachable: false, reason: url };
  try {
    await progress.during(
      `Downloading ${binary.name} ${binary.version} (${number})`,
      async () => {
        outcome = await download(url, target, (received, total) => {
          detail =
            total > 0 ? `${mebibytes(received)} of ${mebibytes(total)} MiB` : `${mebibytes(received)} MiB`;
        });
        // So that it is told as failed. What follows is not for the progress to know.
        if (!outcome.ok) throw failed;
      },
      () => detail,
    );
  } catch (error) {
    if (error !== failed) throw error;
  }
  return outcome;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
