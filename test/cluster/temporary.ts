import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'stash-work-';

/** A folder to work in, gone when `use` is done; `removeAbandoned` finds it where the process is killed before that. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${ownIdentity()}-`));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Removes the folders of processes that are no more. */
export function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const identity = name.startsWith(prefix) ? name.slice(prefix.length, name.lastIndexOf('-')) : '';
    if (isDead(identity)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/**
 * A name for this process that no other ever has: process numbers are used again, but not with the same start, and
 * they are counted anew in each process namespace.
 */
export function ownIdentity(): string {
  return `${processNamespace()}-${process.pid}-${startOf(process.pid)}`;
}

/** Whether the process of that name has ended; false where that cannot be told from here, as in another namespace. */
export function isDead(identity: string): boolean {
  const [namespace, pid, start] = identity.split('-');
  if (start === undefined || namespace !== processNamespace()) return false;
  return startOf(Number(pid)) !== start;
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '0';
  }
}

/** In ticks since the machine's start. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch {
    return '0';
  }
}
