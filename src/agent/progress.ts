import type { BackupHost } from '../api/backup-session.ts';
import type { Progress } from '../restic/messages.ts';

/** restic's progress in `directory` as a host reports it. */
export function progressOf(directory: string, progress: Progress): NonNullable<BackupHost['progress']> {
  return {
    directory,
    percent: Math.floor(progress.fraction * 100),
    filesDone: progress.filesDone,
    bytesDone: progress.bytesDone,
    totalBytes: progress.totalBytes,
  };
}
