// A PostgreSQL server is backed up, loses a database and a role, and gets them back as they were. Runs inside the cluster.
import { readFileSync } from 'node:fs';
import { compare } from './compare.ts';
import { ended, statOf } from './sessions.ts';
import { apply, kubectl, step } from './steps.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const inPod = (script: string) => kubectl('exec', '-n', 'demo', 'quick-postgres', '--', 'sh', '-ec', script);
const sql = (statements: string, database = 'postgres') =>
  kubectl(
    ...['exec', '-n', 'demo', 'quick-postgres', '--', 'psql', '--quiet', '--set=ON_ERROR_STOP=1'],
    ...['--tuples-only', '--no-align', '--field-separator= ', `--dbname=${database}`],
    ...['--command', statements],
  );

/** What pg_dumpall says, without the word that each dump has at random, so that nothing in it can end it. */
const dump = async () =>
  (await inPod('pg_dumpall'))
    .split('\n')
    .filter((line) => !/^\\(un)?restrict /.test(line))
    .join('\n');

/** Counted as the role that owns it all, which has to know its password for that. */
const count = async () => {
  const login = `host=127.0.0.1 dbname=shop user=clerk password='the clerk\\'s own'`;
  const question =
    'SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), (SELECT length(lo_get(4711)))';
  const [customers, orders, bytes] = (await sql(question, login)).split(' ');
  return `${customers} customers, ${orders} orders and a large object of ${bytes} bytes, counted as the role clerk`;
};

let before = '';

await step(async () => {
  await apply(read('postgres.yaml'));
  await kubectl('wait', '-n', 'demo', 'pod/quick-postgres', '--for=condition=Ready', '--timeout=90s');
  return `a pod runs ${await inPod('postgres --version')}`;
});

await step(async () => {
  await inPod(`psql --quiet --set=ON_ERROR_STOP=1 > /dev/null <<'END'\n${read('make-database.sql')}\nEND`);
  before = await dump();
  return `its database shop has ${await count()}`;
});

await step(async () => {
  await apply(read('postgres-backup.yaml'));
  const { snapshot, totalSize } = statOf(await ended('backupsession', 'instant-database-backup'));
  return `a BackupSession ran the Task pg-backup in a Job: snapshot ${snapshot}, ${totalSize}`;
});

await step(async () => {
  await sql('DROP DATABASE shop');
  await sql('DROP ROLE clerk');
  const left = (await sql('SELECT datname FROM pg_database WHERE NOT datistemplate')).split('\n');
  return `DROP DATABASE shop; DROP ROLE clerk; the databases that are left: ${left.join(', ')}`;
});

await step(async () => {
  await apply(read('postgres-restore.yaml'));
  const { snapshot, restoredSize } = statOf(await ended('restoresession', 'database-recovery-demo'));
  return `a RestoreSession ran the Task pg-recovery in a Job: snapshot ${snapshot}, ${restoredSize}`;
});

await step(async () => `the database shop has ${await count()}`);

await step(async () => compare(before, await dump(), 'what pg_dumpall says'));

process.stdout.write('\nThe database is back, as it was.\n');
