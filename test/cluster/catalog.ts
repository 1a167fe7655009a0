import { versions } from './versions.ts';

/** One program that the cluster needs, and the places it can come from. Adding one is adding a row. */
export interface Binary {
  name: string;
  version: string;
  /** What to run so that it tells its version; without it, no copy but our own is ever used. */
  versionArgs?: readonly string[];
  /** Published by the Kubernetes project itself, with a checksum. */
  published?: true;
  source: ModuleSource | ProgramSource | PackageSource | DebianSource;
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

/** A program of npm packages that a lock file in the folder `locked` names; `entry` is its file among them. */
export interface PackageSource {
  locked: string;
  entry: string;
}

/** A file of a Debian package, which is not installed: no service of it starts. */
export interface DebianSource {
  debian: string;
  file: string;
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

/** Servers of storage, each for a backend of a Repository. The tests of backends start them. */
export const storageServers: readonly Binary[] = [
  {
    name: 'versitygw',
    version: versions.versitygw,
    source: {
      module: 'github.com/versity/versitygw',
      version: `v${versions.versitygw}`,
      package: './cmd/versitygw',
    },
  },
  {
    name: 'rest-server',
    version: versions.restServer,
    source: {
      module: 'github.com/restic/rest-server',
      version: `v${versions.restServer}`,
      package: './cmd/rest-server',
    },
  },
  {
    name: 'fake-gcs-server',
    version: versions.fakeGcsServer,
    source: {
      module: 'github.com/fsouza/fake-gcs-server',
      version: `v${versions.fakeGcsServer}`,
      package: '.',
    },
  },
  {
    name: 'azurite-blob',
    version: versions.azurite,
    source: { locked: './azurite', entry: 'azurite/dist/src/blob/main.js' },
  },
];

/** What metrics are pushed to. */
export const pushgateway: Binary = {
  name: 'prometheus-pushgateway',
  version: versions.pushgateway,
  versionArgs: ['--version'],
  source: { debian: 'prometheus-pushgateway', file: 'usr/bin/prometheus-pushgateway' },
};

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
