/**
 * Everything that the cluster is made of, in the one version that is used. What stands in the PATH, in
 * KUBEBUILDER_ASSETS or in a download counts only where it says exactly this.
 *
 * Kubernetes 1.34 is the newest whose kubelet takes Debian bookworm's containerd 1.6 and cgroup v1.
 */
export const versions = {
  kubernetes: '1.34.4',
  etcd: '3.6.16',
  coredns: '1.12.4',
  restic: '0.18.1',
  localPathProvisioner: '0.0.30',
  pause: '1',
  versitygw: '1.8.0',
  restServer: '0.14.0',
  fakeGcsServer: '1.56.1',
  /** The one that azurite/package-lock.json names. */
  azurite: '3.37.0',
  /** That of Debian bookworm. */
  pushgateway: '1.5.1',
  /** The toolchain that is fetched where the machine has none that is new enough. */
  go: '1.26.8',
  /** etcd's go.mod asks for it. */
  goAtLeast: '1.26.0',
  /** The major of Debian bookworm. */
  postgres: '15',
  stash: '0.1.0',
} as const;
