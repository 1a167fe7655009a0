import { readFileSync } from 'node:fs';

/** How often to look, in milliseconds. */
const interval = 500;

/**
 * Calls `gone` once when npm, or the runner that npm started, has died: both may be killed without a word to what
 * they started, and a cluster that nobody can reach any more must not stay.
 */
export function watchParents(gone: () => void): Disposable {
  const chain = linksUpToNpm(process.pid, (pid) => ({ parent: parentOf(pid), command: commandOf(pid) }));
  const timer = setInterval(() => {
    const alive = chain.every(({ pid, parent }) =>
      pid === process.pid ? process.ppid === parent : parentOf(pid) === parent,
    );
    if (alive) return;
    clearInterval(timer);
    gone();
  }, interval);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export interface Link {
  pid: number;
  parent: number;
}

/** What a process list tells of one process. */
export interface Seen {
  parent: number | undefined;
  /** Its arguments, each ended by a NUL. */
  command: string;
}

/**
 * From a process up to npm, or to the last of our own runners where npm was not used. What stands above (a shell, a
 * terminal) may end without us, as for everything that runs in the background.
 */
export function linksUpToNpm(pid: number, look: (pid: number) => Seen): Link[] {
  const links: Link[] = [];
  let certain = 0;
  for (let at = pid; ; ) {
    const { parent } = look(at);
    if (parent === undefined || parent <= 1) break;
    const { command } = look(parent);
    const isNpm = /^npm\b|^[^\0]*node\0[^\0]*\/npm(-cli\.js)?\0/.test(command);
    const isRunner = /scripts\/run\.mjs\0|test\/run\.ts\0/.test(command);
    // The one that npm starts scripts with; any other is the user's.
    const isShell = /^[^\0]*sh\0-c\0/.test(command);
    if (!isNpm && !isRunner && !isShell) break;
    links.push({ pid: at, parent });
    if (!isShell) certain = links.length;
    if (isNpm) break;
    at = parent;
  }
  return links.slice(0, certain);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
