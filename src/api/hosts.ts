/** The one host of a Deployment: its pods are alike, and one of them acts for all. */
export const ONLY_HOST = 'host-0';

/** The host of the pod of a StatefulSet with this ordinal, which counts from `spec.ordinals.start`. */
export function ordinalHost(ordinal: number): string {
  return `host-${ordinal}`;
}

/**
 * The host that a pod of a workload of `kind` is: `host-0` of a Deployment, `host-<ordinal>` of a StatefulSet, whose pods are called
 * `<name>-<ordinal>`, and the node's name of a DaemonSet.
 */
export function hostNameOf(kind: string, pod: { podName: string; nodeName: string }): string {
  if (kind === 'DaemonSet') return pod.nodeName;
  if (kind === 'StatefulSet') return ordinalHost(Number(/\d+$/.exec(pod.podName)?.[0] ?? 0));
  return ONLY_HOST;
}
