import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'stash-work-';

/** A folder to work in, gone when `use` is done; `removeAbandoned` finds it where the process is killed before that. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const owner = identityOf(process.pid)?.replace(' ', '-') ?? `${process.pid}-0`;
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${owner}-`));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Removes the folders of processes that are no more. */
export function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const [pid, start] = name.startsWith(prefix) ? name.slice(prefix.length).split('-') : [];
    if (pid === undefined || start === undefined || identityOf(Number(pid)) === `${pid} ${start}`) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** A process number is used again; together with the process's start it is not. */
export function identityOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may itself hold spaces and parentheses.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${pid} ${start}`;
  } catch {
    return undefined;
  }
}
