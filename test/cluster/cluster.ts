import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ask, apiClient } from './apiClient.ts';
import { copyTemplate, startContainerd } from './containerd.ts';
import { startApiServer, startControllers } from './controlPlane.ts';
import { type Daemon, waitFor } from './daemon.ts';
import { startDns } from './dns.ts';
import { kubeconfig } from './kubeconfig.ts';
import { startKubelet } from './kubelet.ts';
import { layout } from './layout.ts';
import { isolateMounts, useClusterDns } from './mounts.ts';
import { createNetwork } from './network.ts';
import { createPki, type Pki, userNames, writePki } from './pki.ts';
import type { Plan } from './plan.ts';
import type { Progress } from './progress.ts';
import { attempt } from './run.ts';
import { startStorage } from './storage.ts';

/** Starts what `plan` asks for, within its namespaces, and settles when COMMAND can use it. */
export function startCluster(plan: Plan, progress: Progress): Promise<void> {
  return progress.during('Starting Kubernetes', () => start(plan));
}

async function start(plan: Plan): Promise<void> {
  const { state } = plan;
  const [pki] = await Promise.all([
    createPki(),
    createNetwork(),
    isolateMounts(state, [plan.cwd, plan.checkout, process.env.HOME ?? '/root']),
  ]);
  await useClusterDns(state);
  writePki(pki, join(state, 'pki'));
  writeKubeconfigs(pki, state);
  const ask = apiClient(pki);

  const alone = plan.mode === 'control-plane';
  const server = startApiServer(state, alone);
  const node = alone ? undefined : prepareNode(plan);
  // Its failure is told where it is awaited; until then it must not end the process.
  node?.catch(() => {});
  await waitFor('the API server is ready', () => answers(ask, '/readyz'), server);
  if (node !== undefined) await completeCluster(plan, ask, server, node);
}

async function completeCluster(
  plan: Plan,
  ask: Ask,
  server: readonly Daemon[],
  prepared: Promise<Daemon>,
): Promise<void> {
  const { state } = plan;
  const containerd = await prepared;

  const kubelet = startKubelet(state);
  const controllers = startControllers(state);
  const dns = startDns(state);
  const storage = await startStorage(state, ask);
  const all = [...server, containerd, kubelet, ...controllers, dns, storage];

  await waitFor('the node is ready', () => nodeIsReady(ask), all);
  // Without it, no pod can be created in the namespace.

  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  await waitFor('the default ServiceAccount exists', () => answers(ask, account), all);
}

async function prepareNode(plan: Plan): Promise<Daemon> {
  if (plan.containerd !== undefined) await copyTemplate(plan.containerd, join(plan.state, 'containerd'));
  const containerd = startContainerd(plan.state);
  const ask = ['--address', layout.containerdSocket, 'version'];
  await waitFor('containerd answers', async () => (await attempt('ctr', ask)).status === 0, [containerd]);
  return containerd;
}

function writeKubeconfigs(pki: Pki, state: string): void {
  for (const user of userNames) {
    const text = kubeconfig(layout.apiServer, pki.authority.certificate, user, pki.users[user]);
    writeFileSync(join(state, `${user}.kubeconfig`), text, { mode: 0o600 });
  }
}

async function answers(ask: Ask, path: string): Promise<boolean> {
  return (await ask('GET', path)).status === 200;
}

async function nodeIsReady(ask: Ask): Promise<boolean> {
  const { status, body } = await ask('GET', `/api/v1/nodes/${layout.nodeName}`);
  if (status !== 200) return false;
  const node = JSON.parse(body) as { status?: { conditions?: { type: string; status: string }[] } };
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
