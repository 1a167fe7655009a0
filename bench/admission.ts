// How fast admission is, beside a bare Fastify that sends the same review back: `npm run bench`. The machine may be busy with other
// things: the servers take turns in short slices, and the medians of many slices are compared.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createLoad, type Load, type Slice } from './load.ts';
import { review, WORKLOADS } from './reviews.ts';

const CONNECTIONS = 25;
const SLICE_SECONDS = 0.5;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 30);
const WARM_UP_SECONDS = 4;

interface Contender {
  name: string;
  server: ChildProcess;
  load: Load;
  slices: (Slice & { cpuPerRequest: number })[];
}

/** One core for the servers, another for the load, where there are two. */
function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    process.stderr.write('the processes are not pinned to cores: there is no taskset, or one core\n');
  }
}

async function ask(server: ChildProcess): Promise<number> {
  const answered = once(server, 'message') as Promise<[{ cpu: NodeJS.CpuUsage }]>;
  server.send('cpu');
  const [{ cpu }] = await answered;
  return cpu.user + cpu.system;
}

async function contender(name: string, kind: string, expected: string): Promise<Contender> {
  const server = fork(fileURLToPath(new URL('admission-server.ts', import.meta.url)), [kind]);
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  if (server.pid !== undefined) pin(server.pid, 0);
  const load = await createLoad({
    port,
    connections: CONNECTIONS,
    path: '/mutate/workloads',
    bodies: Array.from({ length: WORKLOADS }, (_, serial) => review(serial)),
    expected,
  });
  return { name, server, load, slices: [] };
}

async function slice({ server, load, slices }: Contender): Promise<void> {
  const before = await ask(server);
  const seen = await load.run(SLICE_SECONDS);
  const cpu = (await ask(server)) - before;
  slices.push({ ...seen, cpuPerRequest: cpu / (seen.requestsPerSecond * SLICE_SECONDS) });
}

const median = (numbers: number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

pin(process.pid, 1);
const echo = await contender('Fastify echo', 'echo', '"kind":"AdmissionReview"');
const contenders = [
  echo,
  await contender('stash, nothing to inject', 'stash-idle', '"allowed":true}'),
  await contender('stash, injecting', 'stash', '"patchType":"JSONPatch"'),
];
process.stderr.write(
  `${Buffer.byteLength(review(0))} bytes a review, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SLICE_SECONDS} s each\n`,
);
for (const each of contenders) await each.load.run(WARM_UP_SECONDS);
for (let round = 0; round < ROUNDS; round++) {
  // Each comes first as often as the others.
  for (let turn = 0; turn < contenders.length; turn++) {
    await slice(contenders[(round + turn) % contenders.length] as Contender);
  }
}

const columns = ['', 'requests/s', 'ratio', 'CPU µs', 'ratio', 'p50 ms', 'p99 ms', 'ratio'];
const rows = contenders.map(({ name, slices }) => {
  const of = (field: 'requestsPerSecond' | 'cpuPerRequest' | 'p50' | 'p99') =>
    median(slices.map((each) => each[field]));
  // Neighbours in time are compared: what else the machine does is the same for both.
  const ratio = (field: 'requestsPerSecond' | 'cpuPerRequest' | 'p99') =>
    median(slices.map((each, round) => each[field] / (echo.slices[round]?.[field] ?? Number.NaN)));
  return [
    name,
    of('requestsPerSecond').toFixed(0),
    ratio('requestsPerSecond').toFixed(2),
    of('cpuPerRequest').toFixed(0),
    (1 / ratio('cpuPerRequest')).toFixed(2),
    of('p50').toFixed(2),
    of('p99').toFixed(2),
    ratio('p99').toFixed(2),
  ];
});
for (const row of [columns, ...rows]) {
  const [first = '', ...rest] = row;
  process.stdout.write(`${first.padEnd(26)}${rest.map((text) => text.padStart(12)).join('')}\n`);
}
for (const { load, server } of contenders) {
  load.close();
  server.disconnect();
}
