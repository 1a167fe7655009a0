import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodes } from '../../src/kube/resource.ts';
import { layout } from '../cluster/layout.ts';
import { client, isReady, type Pod, until } from './cluster.ts';
import { kubectl } from './kubectl.ts';

/* The one node of the cluster, as it dies and comes back. Its operator is to stand for one on another node, and lives on. */

/** For each step of the way back. */
const longestSeconds = 240;
const service = ['service/stash-webhook', '-n', 'stash-system', '--type=merge', '-p'];

/**
 * What a power cut does to the node and to `lost`: no kubelet, no containerd, and not one process of these pods. Kubernetes says so after
 * 10 s instead of 50.
 */
export async function cutPower(lost: readonly Pod[]): Promise<void> {
  // The API server finds no pod behind the webhook otherwise, once the node of all of them is not ready.
  await kubectl('patch', ...service, '{"spec":{"publishNotReadyAddresses":true}}');
  await restartControllers(['--node-monitor-grace-period=10s']);
  for (const daemon of ['kubelet', 'containerd']) await end(daemon);
  const processes = lost.flatMap(({ metadata }) => processesOf(metadata.uid ?? ''));
  if (processes.length === 0) throw new Error('no process of these pods was found');
  for (const pid of processes) killIfThere(pid);
}

/** Resolves once the node is ready again, and so is what runs on it. */
export async function restorePower(namespace: string): Promise<void> {
  await restartControllers([]);
  start('containerd');
  let kubelet = start('kubelet');
  const ready = async () => {
    // It ends where containerd does not serve it yet.
    if ((kubelet.exitCode ?? kubelet.signalCode) !== null) kubelet = start('kubelet');
    return isReady(await client.get<Pod>(nodes, layout.nodeName)) || undefined;
  };
  await until('the node to be ready', namespace, ready, longestSeconds);
  const rollout = ['rollout', 'status', '-n', 'stash-system', 'deployment/stash'];
  await kubectl(...rollout, `--timeout=${longestSeconds}s`);
  await kubectl('patch', ...service, '{"spec":{"publishNotReadyAddresses":null}}');
}

async function restartControllers(more: readonly string[]): Promise<void> {
  const name = 'kube-controller-manager';
  await end(name);
  start(name, (script) => script.replace(`exec ${name} `, `exec ${[name, ...more].join(' ')} `));
}

/** By the script that the cluster has left for it. */
function start(daemon: string, edited = (script: string) => script): ChildProcess {
  const script = edited(readFileSync(inState('daemons', `${daemon}.sh`), 'utf8'));
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  child.unref();
  return child;
}

/** Resolves once it is gone, and with it its port. */
async function end(daemon: string): Promise<void> {
  const pid = Number(readFileSync(inState('pids', `${daemon}.pid`), 'utf8'));
  while (killIfThere(pid)) await sleep(20);
}

function inState(...path: string[]): string {
  const { STASH_CLUSTER_STATE: state = '' } = process.env;
  return join(state, ...path);
}

/** The shim of the pod, which would see its containers end, and all that runs in these. */
function processesOf(uid: string): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const own = all.filter((pid) => read(pid, 'cgroup').includes(uid));
  const parents = own.map((pid) => /^PPid:\s+(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? '');
  const shims = [...new Set(parents)].filter((pid) => read(pid, 'comm').startsWith('containerd-shim'));
  return [...shims, ...own].map(Number);
}

/** Of a process that may be gone by now. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(join('/proc', pid, file), 'utf8');
  } catch {
    return '';
  }
}

/** Whether there was a process to send it to. */
function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}
