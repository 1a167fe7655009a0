// A Deployment is backed up on schedule, loses its data, and gets it back byte for byte. Runs inside the cluster.
import { readFileSync } from 'node:fs';
import { compare } from './compare.ts';
import { ended, isOver, sessions, statOf } from './sessions.ts';
import { apply, kubectl, step, until } from './steps.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const inPod = (script: string) =>
  kubectl('exec', '-n', 'demo', 'deploy/stash-demo', '-c', 'busybox', '--', 'sh', '-c', script);

const restart = () => kubectl('rollout', 'status', '-n', 'demo', 'deploy/stash-demo', '--timeout=90s');
const containers = () =>
  kubectl(
    'get',
    'deploy',
    '-n',
    'demo',
    'stash-demo',
    '-o',
    'jsonpath={.spec.template.spec.containers[*].name}',
  );

let before = '';

await step(async () => {
  await apply(read('workload.yaml'));
  await restart();
  return `a plain Deployment runs, with the containers: ${await containers()}`;
});

await step(async () => {
  await inPod(read('make-data.sh'));
  before = await inPod(read('list-data.sh'));
  const [files, megabytes] = (await inPod('find /source/data | wc -l; du -sm /source/data | cut -f1')).split(
    '\n',
  );
  return `it wrote ${files} files, directories and links, ${megabytes} MB of random data, in /source/data`;
});

await step(async () => {
  await apply(read('backup.yaml'));
  await until('the sidecar', async () => ((await containers()).includes('stash') ? true : undefined));
  await restart();
  return `a BackupConfiguration was applied; the webhook put the sidecar in: ${await containers()}`;
});

await step(async () => {
  const done = await until('a BackupSession that has ended', async () =>
    (await sessions('backupsessions')).find(isOver),
  );
  await kubectl(
    'patch',
    'backupconfiguration',
    '-n',
    'demo',
    'workload-data-backup',
    '--type=merge',
    '-p',
    '{"spec":{"paused":true}}',
  );
  const stat = statOf(done);
  return `the schedule made ${done.metadata.name}: ${done.status?.phase}, snapshot ${stat.snapshot}, ${stat.totalSize}, ${stat.fileStats.new} files`;
});

await step(async () => {
  await inPod('cd /source/data && rm -rf ./* ./.[!.]*');
  const left = await inPod('ls -A /source/data | wc -l');
  return `all data was lost: ${left} files are left`;
});

await step(async () => {
  await apply(read('restore.yaml'));
  const done = await ended('restoresession', 'recovery-demo');
  await restart();
  const stat = statOf(done);
  return `a RestoreSession was applied; its init container restored snapshot ${stat.snapshot}: ${done.status?.phase}, ${stat.restoredSize}, ${stat.restoredFiles} files`;
});

await step(async () => compare(before, await inPod(read('list-data.sh'))));

process.stdout.write('\nThe data is back, byte for byte.\n');
