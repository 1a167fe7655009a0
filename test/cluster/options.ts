import { ClusterFailure } from './failure.ts';

export interface Options {
  /** A whole cluster with Stash, one without, or etcd and the API server alone. */
  stash: boolean;
  controlPlane: boolean;
  /** A cluster that the user has: its name in their kubeconfig. */
  context?: string;
  /** Whether COMMAND has the storage servers in its PATH. */
  storage: boolean;
  /** Whether the nodes have the image of the Functions for PostgreSQL, that of a server, and that of a tool for Tasks. */
  postgres: boolean;
  /** Whether COMMAND has a Prometheus Pushgateway in its PATH. */
  pushgateway: boolean;
  keepLogs?: string;
  help: boolean;
  command: string[];
}

export const usage = `npm run cluster -- [OPTION…] [COMMAND [ARG…]]

Starts a real Kubernetes with Stash installed, runs COMMAND in it (a shell without one) with KUBECONFIG and
PATH set, ends with COMMAND's exit status and leaves nothing behind.

  --bare           leave Stash out
  --control-plane  only etcd and the API server: no node, no controllers, no Stash
  --context NAME   take this context of your kubeconfig instead of starting a cluster; Stash is installed
                   in it unless --bare is given, and nothing else in it is touched
  --storage        put storage servers (versitygw, rest-server, fake-gcs-server, azurite-blob) into COMMAND's PATH
  --postgres       load the images stash-postgres, localhost/postgresql and localhost/task-tool too
  --pushgateway    put prometheus-pushgateway into COMMAND's PATH
  --keep-logs DIR  copy the logs of all of the cluster's processes there in the end
  --help           this

COMMAND finds in its environment KUBECONFIG, PATH (kubectl, restic, … first) and STASH_CLUSTER_STATE, a
folder with logs/NAME.log, pids/NAME.pid and daemons/NAME.sh (which starts it again) for each of the
cluster's processes. The cluster has its own network: COMMAND reaches it, and nothing outside.

Binaries come, in the pinned version only, from the PATH, KUBEBUILDER_ASSETS, the cache
(~/.cache/stash-ts), the Kubernetes project's downloads (STASH_KUBERNETES_DOWNLOADS names a mirror), or a
build from their Go modules.`;

/** Options stand before COMMAND; from the first other word on, everything is COMMAND's. */
export function parseOptions(args: readonly string[]): Options {
  const options: Options = {
    stash: true,
    controlPlane: false,
    storage: false,
    postgres: false,
    pushgateway: false,
    help: false,
    command: [],
  };
  let i = 0;
  const value = (name: string) => {
    i += 1;
    const found = args[i];
    if (found === undefined || found.startsWith('-'))
      throw new ClusterFailure(`${name} needs a value\n\n${usage}`);
    return found;
  };
  for (; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') {
      i += 1;
      break;
    }
    if (!arg.startsWith('-')) break;
    if (arg === '--bare') options.stash = false;
    else if (arg === '--control-plane') options.controlPlane = true;
    else if (arg === '--storage') options.storage = true;
    else if (arg === '--postgres') options.postgres = true;
    else if (arg === '--pushgateway') options.pushgateway = true;
    else if (arg === '--context') options.context = value(arg);
    else if (arg === '--keep-logs') options.keepLogs = value(arg);
    else if (arg === '--help' || arg === '-h') options.help = true;
    else throw new ClusterFailure(`unknown option ${arg}\n\n${usage}`);
  }
  options.command = args.slice(i);
  if (options.controlPlane) options.stash = false;
  if (options.controlPlane && options.context !== undefined) {
    throw new ClusterFailure('--control-plane starts one; --context takes yours: give one of the two');
  }
  return options;
}
