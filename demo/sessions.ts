import { kubectl, until } from './steps.ts';

/** A BackupSession or a RestoreSession, as far as the demos tell of it. */
export interface Session {
  metadata: { name: string };
  status?: {
    phase?: string;
    stats?: Stat[];
    conditions?: { message: string }[];
  };
}

interface Stat {
  snapshot: string;
  totalSize: string;
  restoredSize: string;
  fileStats: { new: number };
  restoredFiles: number;
}

const get = (...args: string[]) => kubectl('get', ...args, '-n', 'demo', '-o', 'json');

export async function sessions(kind: string): Promise<Session[]> {
  return (JSON.parse(await get(kind)) as { items: Session[] }).items;
}

export function isOver({ status }: Session): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** The session, once it is over. */
export function ended(kind: string, name: string): Promise<Session> {
  return until(`the end of the ${kind} ${name}`, async () => {
    const session = JSON.parse(await get(kind, name)) as Session;
    return isOver(session) ? session : undefined;
  });
}

/** What it did in its first directory. @throws {Error} with what its conditions say, where it did nothing */
export function statOf({ metadata, status }: Session): Stat {
  const [stat] = status?.stats ?? [];
  if (status?.phase === 'Succeeded' && stat !== undefined) return stat;
  throw new Error(`${metadata.name}: ${status?.conditions?.map(({ message }) => message).join('; ')}`);
}
