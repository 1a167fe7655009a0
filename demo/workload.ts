// A Deployment is backed up on schedule, loses its data, and gets it back byte for byte. Runs inside the cluster.
import { readFileSync } from 'node:fs';
import { apply, kubectl, step, until } from './steps.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const inPod = (script: string) =>
  kubectl('exec', '-n', 'demo', 'deploy/stash-demo', '-c', 'busybox', '--', 'sh', '-c', script);
const get = async <T>(path: string, ...args: string[]) =>
  JSON.parse(await kubectl('get', ...args, '-n', 'demo', '-o', 'json')) as T & { path?: typeof path };

interface Sessions {
  items: Session[];
}
interface Session {
  metadata: { name: string };
  status?: {
    phase?: string;
    stats?: {
      snapshot: string;
      totalSize: string;
      restoredSize: string;
      fileStats: { new: number };
      restoredFiles: number;
    }[];
    conditions?: { message: string }[];
  };
}

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
  const done = await until('a BackupSession that has ended', async () => {
    const { items } = await get<Sessions>('sessions', 'backupsessions');
    return items.find(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
  });
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
  const [stat] = done.status?.stats ?? [];
  if (stat === undefined)
    throw new Error(
      `${done.metadata.name}: ${done.status?.conditions?.map(({ message }) => message).join('; ')}`,
    );
  return `the schedule made ${done.metadata.name}: ${done.status?.phase}, snapshot ${stat.snapshot}, ${stat.totalSize}, ${stat.fileStats.new} files`;
});

await step(async () => {
  await inPod('cd /source/data && rm -rf ./* ./.[!.]*');
  const left = await inPod('ls -A /source/data | wc -l');
  return `all data was lost: ${left} files are left`;
});

await step(async () => {
  await apply(read('restore.yaml'));
  const done = await until('the end of the RestoreSession', async () => {
    const session = await get<Session>('session', 'restoresession', 'recovery-demo');
    return session.status?.phase === 'Succeeded' || session.status?.phase === 'Failed' ? session : undefined;
  });
  await restart();
  const [stat] = done.status?.stats ?? [];
  if (stat === undefined)
    throw new Error(
      `${done.metadata.name}: ${done.status?.conditions?.map(({ message }) => message).join('; ')}`,
    );
  return `a RestoreSession was applied; its init container restored snapshot ${stat.snapshot}: ${done.status?.phase}, ${stat.restoredSize}, ${stat.restoredFiles} files`;
});

await step(async () => {
  const after = await inPod(read('list-data.sh'));
  if (after !== before) {
    const had = new Set(before.split('\n'));
    const has = new Set(after.split('\n'));
    const gone = [...had].filter((line) => !has.has(line)).slice(0, 10);
    const come = [...has].filter((line) => !had.has(line)).slice(0, 10);
    throw new Error(`the data is not what it was:\n- ${gone.join('\n- ')}\n+ ${come.join('\n+ ')}`);
  }
  const lines = before.split('\n').length;
  return `compared: all ${lines} lines of checksums, modes, owners, times, links and sizes are the same as before`;
});

process.stdout.write('\nThe data is back, byte for byte.\n');
