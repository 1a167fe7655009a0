import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const stash = (...args: string[]) =>
  spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } });

describe('stash', () => {
  it('tells what it can do, on the standard output', () => {
    const { status, stdout, stderr } = stash('--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const command of ['serve', 'agent', 'inject', 'render']) expect(stdout).toContain(`  ${command} `);
  });

  it.each([
    [['bogus'], /unknown command 'bogus'/],
    [['serve', '--webhook-port', 'abc'], /--webhook-port <port>.*'abc'.*whole number of at least 0/],
    [['serve', '--log-level', 'loud'], /'loud'.*debug, info, warn, error/],
    [['serve', '--pushgateway-url', 'gateway:9091'], /"gateway:9091" is no http or https URL; write it as/],
    [['agent', 'sidecar', '--directory=/data'], /'--configuration <name>' not specified/],
    [['agent', 'post-backup-update'], /'--output-json-dir <directory>' not specified/],
    [['post-backup-update'], /'--output-json-dir <directory>' not specified/],
    [['post-recovery-update'], /'--output-json-dir <directory>' not specified/],
    [['inject'], /'-f, --filename <file>' not specified/],
    [['render'], /'-f, --filename <file>' not specified/],
  ])('ends with 2 and one clear line for %j', (args, message) => {
    const { status, stdout, stderr } = stash(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/ at .*\.[jt]s:/);
  });

  it.each([
    ['post-backup-update', '--repository=a', '--backupsession=b'],
    ['post-recovery-update', '--recoveryconfiguration=b'],
  ])('lets no misspelt switch of the metrics keep %s from its work', (step, ...args) => {
    const { status, stderr } = stash(
      'agent',
      step,
      ...args,
      '--output-json-dir=/c',
      '--metrics-enabled=True',
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^stash: POD_NAME is not set/);
  });

  it('ends with 1 and one clear line where it cannot go on', () => {
    const { status, stderr } = stash('agent', 'sidecar', '--configuration=a', '--directory=/b');
    expect(status).toBe(1);
    expect(stderr).toBe(
      "stash: POD_NAME is not set: an agent runs in a pod that the operator's webhook put it into\n",
    );
  });
});
