// npm test: the three layers, each in what it needs, and one sum at the very end.
//   npm test [LAYER…] [-- ARGUMENTS FOR VITEST]      npm run test:e2e -- -t 'part of a name'
import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signalStatus } from './cluster/command.ts';
import {
  type Counts,
  closingLine,
  type Layer,
  parseArguments,
  parseResult,
  passed,
  sum,
} from './cluster/counts.ts';
import { withTemporaryFolder } from './cluster/temporary.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const modules = join(checkout, 'node_modules');
const node = [process.execPath, '--disable-warning=ExperimentalWarning'];

/** Tests of each layer, and the options of the cluster that they run in. */
const layers: Record<Layer, { tests: string[]; cluster?: (vitestArguments: readonly string[]) => string[] }> =
  {
    unit: { tests: ['src/**/*.test.ts', 'test/cluster/**/*.test.ts', 'test/*.test.ts'] },
    apiserver: { tests: ['test/apiserver/**/*.test.ts'], cluster: () => ['--control-plane'] },
    e2e: {
      tests: ['test/e2e/**/*.test.ts'],
      cluster: (asked) => [
        '--storage',
        ...(includesFile('postgres', asked) ? ['--postgres'] : []),
        ...(includesFile('pushgateway', asked) ? ['--pushgateway'] : []),
      ],
    },
  };

/** Whether tests of the file `name` may be among those that are asked for: only files that are named in full leave it out. */
function includesFile(name: string, vitestArguments: readonly string[]): boolean {
  const files = vitestArguments.filter((argument) => argument.endsWith('.test.ts'));
  return files.length === 0 || files.some((file) => file.endsWith(`/${name}.test.ts`));
}

let running: ReturnType<typeof spawn> | undefined;
// A cluster takes a moment to end: nobody should find their prompt back before it is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Ctrl-C has reached it already.
    if (signal !== 'SIGINT') running?.kill(signal);
    process.exitCode = signalStatus(signal);
  });
}

async function runLayer(name: Layer, vitestArguments: readonly string[]): Promise<Counts> {
  const layer = layers[name];
  heading(`${name} tests`);
  if (globSync(layer.tests, { cwd: checkout }).length === 0) {
    process.stdout.write(`There are no ${name} tests yet.\n`);
    return { passed: 0, failed: 0, skipped: 0 };
  }
  // What was asked for by name is about tests; without a name, the types and the style are tests of the unit layer too.
  const checks = name === 'unit' && vitestArguments.length === 0 ? await runChecks() : [];
  return withTemporaryFolder(async (folder) => {
    const file = join(folder, 'results.json');
    const vitest = [
      ...node,
      join(modules, 'vitest', 'vitest.mjs'),
      ...['run', '--project', `${name}*`, '--passWithNoTests'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
      ...vitestArguments,
    ];
    const cluster = layer.cluster && [
      ...node,
      join(checkout, 'test', 'cluster', 'main.ts'),
      ...layer.cluster(vitestArguments),
    ];
    const status = await execute(cluster === undefined ? vitest : [...cluster, ...vitest]);
    const counts = parseResult(existsSync(file) ? readFileSync(file, 'utf8') : undefined, status);
    return sum([...checks, counts]);
  });
}

async function runChecks(): Promise<Counts[]> {
  const types = await execute([join(modules, '.bin', 'tsc')]);
  process.stdout.write(types === 0 ? 'The types fit.\n' : 'The types do not fit: tsc says where.\n');
  const style = await execute([join(modules, '.bin', 'biome'), 'check']);
  process.stdout.write(
    style === 0 ? '' : "The style is not the house's: `npx biome check --write` mends most of it.\n",
  );
  return [passed(types === 0), passed(style === 0)];
}

function execute(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    running = spawn(program, args, { cwd: checkout, stdio: 'inherit' });
    running.on('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(127);
    });
    running.on('exit', (code) => resolve(code ?? 1));
  });
}

function heading(text: string): void {
  process.stdout.write(`\n── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}\n`);
}

const { chosen, vitest } = parseArguments(process.argv.slice(2), Object.keys(layers) as Layer[]);
const start = performance.now();
const counts: Counts[] = [];
for (const name of chosen) {
  if (process.exitCode !== undefined) break;
  counts.push(await runLayer(name, vitest));
}
const total = sum(counts);
const seconds = Math.round((performance.now() - start) / 1000);
process.stdout.write(`\n${chosen.join(', ')}: ${seconds} s\n${closingLine(total)}\n`);
process.exitCode ??= total.failed > 0 || total.passed === 0 ? 1 : 0;
