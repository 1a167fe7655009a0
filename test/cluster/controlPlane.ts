import { join } from 'node:path';
import { type Daemon, startDaemon } from './daemon.ts';
import { layout } from './layout.ts';

/** etcd and the API server, started together: the server waits for its store by itself. */
export function startApiServer(state: string, alone: boolean): Daemon[] {
  const pki = (name: string) => join(state, 'pki', name);
  const etcd = startDaemon(state, 'etcd', {
    args: [
      ...['--data-dir', join(state, 'etcd')],
      ...[
        '--listen-client-urls',
        'http://127.0.0.1:2379',
        '--advertise-client-urls',
        'http://127.0.0.1:2379',
      ],
      ...['--listen-peer-urls', 'http://127.0.0.1:2380'],
      // Nothing of it outlives the run, so there is nothing that a sync would save.
      '--unsafe-no-fsync',
    ],
  });
  const apiServer = startDaemon(state, 'kube-apiserver', {
    args: [
      ...['--etcd-servers', 'http://127.0.0.1:2379'],
      ...['--bind-address', '0.0.0.0', '--advertise-address', layout.nodeAddress],
      ...['--client-ca-file', pki('ca.crt')],
      ...['--tls-cert-file', pki('server.crt'), '--tls-private-key-file', pki('server.key')],
      ...['--service-account-issuer', 'https://kubernetes.default.svc'],
      ...['--service-account-key-file', pki('sa.pub'), '--service-account-signing-key-file', pki('sa.key')],
      ...['--service-cluster-ip-range', layout.serviceRange],
      ...['--authorization-mode', 'Node,RBAC', '--allow-privileged'],
      ...['--enable-admission-plugins', 'NodeRestriction'],
      // Alone, nobody makes the ServiceAccount that each pod is to have.
      ...(alone ? ['--disable-admission-plugins', 'ServiceAccount'] : []),
      ...['--kubelet-client-certificate', pki('admin.crt'), '--kubelet-client-key', pki('admin.key')],
      ...['--kubelet-preferred-address-types', 'InternalIP'],
      ...['--kubelet-certificate-authority', pki('ca.crt')],
    ],
  });
  return [etcd, apiServer];
}

/** What makes a cluster of an API server, apart from its node. Each needs the API server to be ready. */
export function startControllers(state: string): Daemon[] {
  const config = (user: string) => join(state, `${user}.kubeconfig`);
  return [
    startDaemon(state, 'kube-controller-manager', {
      args: [
        ...['--kubeconfig', config('kube-controller-manager')],
        ...['--service-account-private-key-file', join(state, 'pki', 'sa.key')],
        ...['--root-ca-file', join(state, 'pki', 'ca.crt')],
        ...['--cluster-signing-cert-file', join(state, 'pki', 'ca.crt')],
        ...['--cluster-signing-key-file', join(state, 'pki', 'ca.key')],
        '--use-service-account-credentials',
        '--leader-elect=false',
        // Each of its controllers asks for a token as it starts: at the usual 20 a second that takes 4 s.
        ...['--kube-api-qps', '500', '--kube-api-burst', '1000'],
      ],
    }),
    startDaemon(state, 'kube-scheduler', {
      args: ['--kubeconfig', config('kube-scheduler'), '--leader-elect=false'],
    }),
    startDaemon(state, 'kube-proxy', {
      args: [
        ...['--kubeconfig', config('kube-proxy'), '--hostname-override', layout.nodeName],
        ...['--cluster-cidr', layout.podRange],
        // These limits are the machine's, not the namespace's.
        ...['--conntrack-max-per-core', '0', '--conntrack-min', '0'],
      ],
    }),
  ];
}
