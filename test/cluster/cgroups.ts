import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/**
 * A cgroup of that name under which a kubelet puts its pods. Without one of its own, a kubelet ends what it finds
 * of another cluster's on the same machine.
 */
export function createCgroups(name: string): void {
  for (const hierarchy of hierarchies()) {
    const path = join(hierarchy, name);
    if (isUnified(hierarchy)) delegate(hierarchy);
    mkdirSync(path, { recursive: true });
    if (isUnified(hierarchy)) delegate(path);
    // In cgroup v1 a cpuset starts empty, and no process can enter an empty one.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (existsSync(join(hierarchy, file)) && !isUnified(hierarchy)) {
        writeFileSync(join(path, file), readFileSync(join(hierarchy, file)));
      }
    }
  }
}

/** By the time this is called no process is left in them, so they can be removed, the innermost first. */
export function removeCgroups(name: string): void {
  if (!existsSync(root)) return;
  // Beside v1's hierarchies there may be a v2 one without controllers, in which runc makes groups too.
  for (const entry of readdirSync(root)) removeTree(join(root, entry, name));
  removeTree(join(root, name));
}

function removeTree(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  }
  try {
    rmdirSync(path);
  } catch {
    // The kernel may still be ending the last process; the next start tries again.
  }
}

/** The mount points: one in cgroup v2, one for each controller in v1. Symlinks (cpu → cpu,cpuacct) are skipped. */
function hierarchies(): string[] {
  if (!existsSync(root)) return [];
  if (isUnified(root)) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name))
    .filter((path) => !isUnified(path) && existsSync(join(path, 'cgroup.procs')));
}

function isUnified(path: string): boolean {
  return existsSync(join(path, 'cgroup.controllers')) && statSync(path).isDirectory();
}

/** cgroup v2 gives a child only the controllers that its parent hands down. */
function delegate(path: string): void {
  const controllers = readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
  for (const controller of controllers) {
    try {
      writeFileSync(join(path, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // Some cannot be handed down (a domain with processes of its own); kubelet says which it misses.
    }
  }
}
