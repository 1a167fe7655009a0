import { readFileSync } from 'node:fs';

/** How often to look, in milliseconds. */
const interval = 500;

/**
 * Calls `gone` once when npm, or the runner that npm started, has died: both may be killed without a word to what
 * they started, and a cluster that nobody can reach any more must not stay.
 */
export function watchParents(gone: () => void): Disposable {
  const chain = parentsUpToNpm(process.pid);
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

interface Link {
  pid: number;
  parent: number;
}

/** From this process up to npm. What stands above npm (a shell, a terminal) may end without us. */
function parentsUpToNpm(pid: number): Link[] {
  const links: Link[] = [];
  for (let at = pid; ; ) {
    const parent = parentOf(at);
    if (
      parent === undefined ||
      parent <= 1 ||
      !/scripts\/run\.mjs|\bnpm\b|^(ba|da)?sh\0-c\0/.test(commandOf(parent))
    ) {
      return links;
    }
    links.push({ pid: at, parent });
    at = parent;
  }
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
