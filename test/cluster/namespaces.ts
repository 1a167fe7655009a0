import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCgroups } from './cgroups.ts';
import { signalStatus } from './command.ts';
import type { Plan, Stop } from './plan.ts';
import { attempt } from './run.ts';

/** Kernel modules that a cluster uses and that a machine may not have loaded; where they are built in, nothing happens. */
const kernelModules = ['overlay', 'br_netfilter', 'nf_conntrack', 'iptable_nat', 'iptable_filter'];

/**
 * Runs `plan` in network, mount and process namespaces of its own.
 *
 * setpriv makes the kernel end unshare when this process dies, --kill-child the first process of the namespace
 * when unshare does, and the namespace everything in it: however this process ends, nothing is left running.
 * That first process is a shell: it takes over and buries the children of processes that end, which Node does not.
 *
 * @returns COMMAND's exit status
 */
export async function runInNamespaces(plan: Plan): Promise<number> {
  const file = join(plan.state, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  if (plan.mode === 'full') {
    await Promise.all(kernelModules.map((name) => attempt('modprobe', ['--quiet', name])));
    createCgroups(basename(plan.state));
  }
  const inside = fileURLToPath(new URL('./inside.ts', import.meta.url));
  const unshare = [
    'unshare',
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--mount-proc',
    '--propagation',
    'private',
    '--kill-child',
  ];
  const shell = ['/bin/sh', '-c', '"$@"; exit $?', 'sh'];
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', inside, file];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare, ...shell, ...node], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  const stop = (signal: NodeJS.Signals) => {
    if (child.connected) child.send({ stop: signal } satisfies Stop);
    else child.kill('SIGKILL');
  };
  // Ctrl-C goes to the whole group, COMMAND with it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? signalStatus(signal)));
  });
}
