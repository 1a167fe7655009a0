import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ClusterFailure } from './failure.ts';
import type { Progress } from './progress.ts';
import { attempt } from './run.ts';

/** A Debian package, and the file (a program's name, or a path) that shows that it is there. */
export interface DebianPackage {
  name: string;
  shows: string;
}

export const packages = {
  namespaces: [
    { name: 'util-linux', shows: 'unshare' },
    { name: 'mount', shows: 'mount' },
    { name: 'iproute2', shows: 'ip' },
  ],
  node: [
    { name: 'containerd', shows: 'containerd' },
    { name: 'runc', shows: 'runc' },
    { name: 'containernetworking-plugins', shows: '/usr/lib/cni/bridge' },
    { name: 'iptables', shows: 'iptables' },
    { name: 'conntrack', shows: 'conntrack' },
    { name: 'busybox-static', shows: 'busybox' },
  ],
  images: [
    { name: 'buildah', shows: 'buildah' },
    { name: 'tar', shows: 'tar' },
  ],
  go: [
    { name: 'golang-go', shows: 'go' },
    { name: 'ca-certificates', shows: '/etc/ssl/certs/ca-certificates.crt' },
  ],
} satisfies Record<string, readonly DebianPackage[]>;

/** A plain user's PATH often lacks the folders where Debian puts what administrators use. */
export const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** The path of a program in the PATH or where Debian puts programs. */
export function findProgram(name: string, path: string = process.env.PATH ?? ''): string | undefined {
  return [...path.split(delimiter), ...systemFolders]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function missing(wanted: readonly DebianPackage[]): readonly DebianPackage[] {
  return wanted.filter(({ shows }) => !(shows.startsWith('/') ? existsSync(shows) : findProgram(shows)));
}

const aptEnvironment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };

/** Installs what is missing of `wanted`; asks nothing of a machine that has it all. */
export async function install(wanted: readonly DebianPackage[], progress: Progress): Promise<void> {
  const names = missing(wanted).map(({ name }) => name);
  if (names.length === 0) return;
  if (findProgram('apt-get') === undefined) {
    throw new ClusterFailure(
      `these Debian packages are missing: ${names.join(', ')}. There is no apt-get here: install what your distribution calls them.`,
    );
  }
  await progress.during(`Installing Debian packages: ${names.join(' ')}`, async () => {
    const first = await aptInstall(names);
    if (first.status === 0) return;
    // On a new machine the package lists are missing or out of date, which only the failure shows.
    await refreshPackageLists();
    const second = await aptInstall(names);
    if (second.status !== 0) throw new ClusterFailure(`apt-get install failed; it said:\n${second.tail}`);
  });
}

export async function refreshPackageLists(): Promise<void> {
  const outcome = await attempt('apt-get', ['-q', 'update'], { env: aptEnvironment });
  if (outcome.status !== 0) throw new ClusterFailure(`apt-get update failed; it said:\n${outcome.tail}`);
}

function aptInstall(names: readonly string[]) {
  const args = ['-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', 'install', ...names];
  return attempt('apt-get', args, { env: aptEnvironment });
}
