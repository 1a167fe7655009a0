#!/usr/bin/env node
// Runs a TypeScript program of this checkout: `node scripts/run.mjs FILE ARG…`. Plain JavaScript for any Node from 20 on, since
// it is what runs before anything is installed: it installs the locked packages where they are missing or out of date (the
// pinned Node among them), and then gives its place to the pinned Node, which reads TypeScript as it is.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.installed`;
const node = `${root}node_modules/.bin/node`;

const locked = createHash('sha256')
  .update(readFileSync(`${root}package.json`))
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (!existsSync(node) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== locked) {
  process.stderr.write('Installing the locked packages (npm ci) …\n');
  // A link leads to the packages of another checkout: npm ci would take them away from it.
  if (lstatSync(`${root}node_modules`, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    rmSync(`${root}node_modules`);
  }
  const install = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // What npm prints goes to stderr: stdout belongs to the program that is run.
    stdio: ['ignore', 2, 2],
  });
  if (install.status !== 0) {
    process.stderr.write('npm ci failed; what it said stands above. Is the npm registry reachable?\n');
    process.exit(1);
  }
  writeFileSync(stamp, locked);
}

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: node scripts/run.mjs FILE [ARG…]\n');
  process.exit(2);
}
const child = spawnSync(node, ['--disable-warning=ExperimentalWarning', `${root}${file}`, ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${root}node_modules/.bin:${process.env.PATH}` },
});
if (child.error) throw child.error;
process.exit(child.status ?? 1);
