// A PersistentVolumeClaim that stays in use is backed up by a Job, loses its data, and gets it back. Runs inside the cluster.
import { readFileSync } from 'node:fs';
import { compare } from './compare.ts';
import { ended, statOf } from './sessions.ts';
import { apply, kubectl, step } from './steps.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const inPod = (script: string) => kubectl('exec', '-n', 'demo', 'holder', '--', 'sh', '-c', script);

let before = '';

await step(async () => {
  await apply(read('pvc.yaml'));
  await kubectl('wait', '-n', 'demo', 'pod/holder', '--for=condition=Ready', '--timeout=90s');
  await inPod(read('make-data.sh'));
  before = await inPod(read('list-data.sh'));
  const [files, megabytes] = (await inPod('find /source/data | wc -l; du -sm /source/data | cut -f1')).split(
    '\n',
  );
  return `a pod has the claim demo-pvc mounted, and wrote ${files} files, directories and links, ${megabytes} MB of random data`;
});

await step(async () => {
  await apply(read('pvc-backup.yaml'));
  const done = await ended('backupsession', 'instant-volume-backup');
  const { snapshot, totalSize, fileStats } = statOf(done);
  return `a BackupSession ran the Task volume-backup in a Job: ${done.status?.phase}, snapshot ${snapshot}, ${totalSize}, ${fileStats.new} files`;
});

await step(async () => {
  await inPod('cd /source/data && rm -rf ./* ./.[!.]*');
  return `all data was lost: ${await inPod('ls -A /source/data | wc -l')} files are left`;
});

await step(async () => {
  await apply(read('pvc-restore.yaml'));
  const done = await ended('restoresession', 'recovery-volume-demo');
  const { snapshot, restoredSize, restoredFiles } = statOf(done);
  return `a RestoreSession ran the Task volume-recovery in a Job: ${done.status?.phase}, snapshot ${snapshot}, ${restoredSize}, ${restoredFiles} files`;
});

await step(async () => compare(before, await inPod(read('list-data.sh'))));

process.stdout.write('\nThe data is back, byte for byte.\n');
