import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { removeCgroups } from './cgroups.ts';
import { isDead, ownIdentity, removeAbandoned } from './temporary.ts';

const prefix = 'stash-cluster-';

/**
 * Tells whose a folder is. Another checkout on this machine may be of another day: whoever changes what stands in it
 * changes its name too, or the other takes a living cluster's folder for a dead one's.
 */
const ownerFile = 'owned-by';

/** A new folder for all that a cluster writes, marked with whose it is. */
export function createState(): string {
  removeAbandoned();
  removeLeftOvers();
  const state = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(state, ownerFile), ownIdentity());
  for (const folder of ['logs', 'pids', 'daemons', 'bin', 'pki', 'cni', 'volumes'])
    mkdirSync(join(state, folder));
  return state;
}

export function removeState(state: string): void {
  removeCgroups(basename(state));
  rmSync(state, { recursive: true, force: true });
}

/** What runs that were killed left: their processes and mounts ended with them, their folders did not. */
function removeLeftOvers(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    const owner = join(folder, ownerFile);
    if (!name.startsWith(prefix) || !existsSync(owner)) continue;
    if (isDead(readFileSync(owner, 'utf8'))) removeState(folder);
  }
}
