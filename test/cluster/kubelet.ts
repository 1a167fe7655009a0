import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Daemon, startDaemon } from './daemon.ts';
import { layout } from './layout.ts';

/** The node itself. containerd must answer already. */
export function startKubelet(state: string): Daemon {
  const config = join(state, 'kubelet.json');
  writeFileSync(config, JSON.stringify(kubeletConfiguration(state), null, 2));
  return startDaemon(state, 'kubelet', {
    args: [
      ...['--config', config, '--kubeconfig', join(state, 'kubelet.kubeconfig')],
      ...['--hostname-override', layout.nodeName, '--node-ip', layout.nodeAddress],
      ...['--root-dir', join(state, 'kubelet'), '--cert-dir', join(state, 'kubelet', 'pki')],
    ],
  });
}

function kubeletConfiguration(state: string) {
  const pki = (name: string) => join(state, 'pki', name);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${basename(state)}`,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    clusterDNS: [layout.dnsAddress],
    clusterDomain: 'cluster.local',
    resolvConf: '/dev/null',
    tlsCertFile: pki('server.crt'),
    tlsPrivateKeyFile: pki('server.key'),
    // A developer's disk is often nearly full, and what pods write here is little.
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    podLogsDir: join(state, 'logs', 'pods'),
    // A changed Secret or ConfigMap reaches a pod in seconds instead of a minute.
    syncFrequency: '10s',
    registerNode: true,
  };
}
