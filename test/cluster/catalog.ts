import { versions } from './versions.ts';

/** One program that the cluster needs, and the places it can come from. Adding one is adding a row. */
export interface Binary {
  name: string;
  version: string;
  /** What to run so that it tells its version; without it, no copy but our own is ever used. */
  versionArgs?: readonly string[];
  /** Published by the Kubernetes project itself, with a checksum. */
  published?: true;
  source: ModuleSource | ProgramSource;
}

/** A Go module and the package in it; `stagingVersion` is that of the modules it replaces by folders of its repository. */
export interface ModuleSource {
  module: string;
  version: string;
  package: string;
  ldflags?: string;
  stagingVersion?: string;
}

/** A program of a few lines that stands here. */
export interface ProgramSource {
  program: string;
}

const component = 'k8s.io/component-base/version';
const [major, minor] = versions.kubernetes.split('.');

function kubernetes(name: string): Binary {
  return {
    name,
    version: versions.kubernetes,
    versionArgs: name === 'kubectl' ? ['version', '--client', '-o', 'json'] : ['--version'],
    published: true,
    source: {
      module: 'k8s.io/kubernetes',
      version: `v${versions.kubernetes}`,
      package: `./cmd/${name}`,
      ldflags: `-X ${component}.gitVersion=v${versions.kubernetes} -X ${component}.gitMajor=${major} -X ${component}.gitMinor=${minor}`,
      stagingVersion: `v0.${versions.kubernetes.slice('1.'.length)}`,
    },
  };
}

/** The sandbox container of every pod: it only waits. */
const pause = `package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
`;

/** The biggest first: it is the one whose failure should be known early. */
export const catalog: readonly Binary[] = [
  kubernetes('kube-apiserver'),
  kubernetes('kubectl'),
  {
    name: 'etcd',
    version: versions.etcd,
    versionArgs: ['--version'],
    source: { module: 'go.etcd.io/etcd/server/v3', version: `v${versions.etcd}`, package: '.' },
  },
  {
    name: 'restic',
    version: versions.restic,
    versionArgs: ['version'],
    source: { module: 'github.com/restic/restic', version: `v${versions.restic}`, package: './cmd/restic' },
  },
  kubernetes('kubelet'),
  kubernetes('kube-controller-manager'),
  kubernetes('kube-scheduler'),
  kubernetes('kube-proxy'),
  {
    name: 'coredns',
    version: versions.coredns,
    versionArgs: ['-version'],
    source: { module: 'github.com/coredns/coredns', version: `v${versions.coredns}`, package: '.' },
  },
  {
    name: 'local-path-provisioner',
    version: versions.localPathProvisioner,
    source: {
      module: 'github.com/rancher/local-path-provisioner',
      version: `v${versions.localPathProvisioner}`,
      package: '.',
    },
  },
  { name: 'pause', version: versions.pause, source: { program: pause } },
];

const controlPlane = ['kube-apiserver', 'kubectl', 'etcd', 'restic'];
const withUsersCluster = ['kubectl', 'restic'];

/** What each kind of cluster needs, so that nothing is built that is not used. */
export const needed = {
  full: catalog,
  'control-plane': only(controlPlane),
  context: only(withUsersCluster),
} as const;

function only(names: readonly string[]): readonly Binary[] {
  return catalog.filter((binary) => names.includes(binary.name));
}
