/* What every pod of ours has, be it a workload's with an agent in it or that of a Job. */

/**
 * A container that mounts something at exactly this path is passed over by the ServiceAccount admission plugin, so our own
 * token stands whatever `automountServiceAccountToken` says.
 */
export const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
export const TOKEN_VOLUME = 'stash-token';

/** What the ServiceAccount admission plugin would mount, whether or not it does. Nothing in it may keep the pod from starting. */
export function tokenVolume(): { name: string; projected: Record<string, unknown> } {
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
    { configMap: { name: 'kube-root-ca.crt', optional: true, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
  ];
  return { name: TOKEN_VOLUME, projected: { defaultMode: 0o644, sources } };
}

/** By which variable an agent knows which field of its pod, by the downward API. */
export const POD_FIELDS: ReadonlyMap<string, string> = new Map([
  ['POD_NAME', 'metadata.name'],
  ['POD_UID', 'metadata.uid'],
  ['POD_NAMESPACE', 'metadata.namespace'],
  ['NODE_NAME', 'spec.nodeName'],
]);
