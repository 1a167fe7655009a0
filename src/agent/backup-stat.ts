import type { BackupStat } from '../api/backup-session.ts';
import type { BackupSummary } from '../restic/messages.ts';
import { formatBytes } from '../restic/sizes.ts';

/** The entry of `status.stats` of one snapshot. */
export function backupStat(
  host: string,
  directory: string,
  summary: Omit<BackupSummary, 'snapshot'> & { snapshot: string },
): BackupStat {
  return {
    hostname: host,
    directory,
    snapshot: summary.snapshot.slice(0, 8),
    totalSize: formatBytes(summary.totalBytes),
    uploaded: formatBytes(summary.dataAddedPacked),
    totalBytes: summary.totalBytes,
    uploadedBytes: summary.dataAddedPacked,
    fileStats: { new: summary.filesNew, changed: summary.filesChanged, unmodified: summary.filesUnmodified },
  };
}
