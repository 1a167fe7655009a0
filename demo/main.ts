// `npm run demo`: the main job on real data, in a real Kubernetes that is started for it and leaves nothing behind.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Demo {
  file: string;
  what: string;
  /** Options of the cluster that it runs in. */
  cluster?: string[];
}

/** The demos, by the name that follows `npm run demo --`; the first where none does. */
const demos: Record<string, Demo> = {
  workload: { file: 'workload.ts', what: 'a Deployment, by a sidecar in its pods' },
  pvc: { file: 'pvc.ts', what: 'a PersistentVolumeClaim in use, by Jobs' },
  postgres: { file: 'postgres.ts', what: 'a PostgreSQL server, by Jobs', cluster: ['--postgres'] },
};

const root = fileURLToPath(new URL('..', import.meta.url));
const [name = 'workload', ...rest] = process.argv.slice(2);
const demo = Object.hasOwn(demos, name) ? demos[name] : undefined;

if (name === '--help' || name === '-h') {
  const rows = Object.entries(demos).map(([each, { what }]) => `  ${each.padEnd(10)}${what}\n`);
  process.stdout.write(
    `usage: npm run demo [-- NAME]\n\nBacks up real data in a real Kubernetes, loses it, and gets it back. NAME is (by default the first):\n\n${rows.join('')}`,
  );
} else if (demo === undefined || rest.length > 0) {
  process.stderr.write(
    `there is no demo "${[name, ...rest].join(' ')}"; there are: ${Object.keys(demos).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const { file, cluster = [] } = demo;
  const args = [`${root}test/cluster/main.ts`, ...cluster, process.execPath, `${root}demo/${file}`];
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}
