// `npm run demo`: the main job on real data, in a real Kubernetes that is started for it and leaves nothing behind.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The demos, by the name that follows `npm run demo --`; the first where none does. */
const demos: Record<string, string> = { workload: 'workload.ts' };

const root = fileURLToPath(new URL('..', import.meta.url));
const [name = 'workload', ...rest] = process.argv.slice(2);
const file = Object.hasOwn(demos, name) ? demos[name] : undefined;

if (name === '--help' || name === '-h') {
  process.stdout.write(
    `usage: npm run demo [-- NAME]\n\nNAME is one of: ${Object.keys(demos).join(', ')} (the first by default)\n`,
  );
} else if (file === undefined || rest.length > 0) {
  process.stderr.write(
    `there is no demo "${[name, ...rest].join(' ')}"; there are: ${Object.keys(demos).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const cluster = [`${root}test/cluster/main.ts`, process.execPath, `${root}demo/${file}`];
  process.exitCode = spawnSync(process.execPath, cluster, { stdio: 'inherit' }).status ?? 1;
}
