/** The addresses and names inside a cluster. All of them live in its own network namespace. */
export const layout = {
  /** A documentation address (RFC 5737): on a bridge of its own, since kubelet refuses a loopback one. */
  nodeAddress: '192.0.2.1',
  nodeName: 'node',
  dnsAddress: '10.96.0.10',
  serviceRange: '10.96.0.0/16',
  kubernetesService: '10.96.0.1',
  podRange: '10.244.0.0/16',
  podRangeOfNode: '10.244.0.0/24',
  containerdSocket: '/run/containerd.sock',
  apiServer: 'https://192.0.2.1:6443',
} as const;
