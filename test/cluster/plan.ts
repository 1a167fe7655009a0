/** What the part of a run outside of the cluster's namespaces hands to the part inside. */
export interface Plan {
  state: string;
  mode: 'full' | 'control-plane';
  /** The folder of a containerd with the images, to be copied; the control plane alone has none. */
  containerd?: string;
  /** Whether to apply manifests/install.yaml. */
  stash: boolean;
  checkout: string;
  command: string[];
  cwd: string;
}

/** From outside to inside: end COMMAND, then everything. */
export interface Stop {
  stop: NodeJS.Signals;
}
