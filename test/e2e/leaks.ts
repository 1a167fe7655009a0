import type { Namespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';

/**
 * Where one of `secrets` is seen, as it is or in base64: in the logs of the agents of `namespace` and of the operator, in Events, and in
 * every object of `namespace` but the Secrets themselves.
 */
export async function leaks(namespace: Namespace, secrets: string[]): Promise<string[]> {
  const words = secrets.flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  ]);
  const places: Record<string, string> = {
    'the logs of the operator': await kubectl('logs', '-n', 'stash-system', 'deployment/stash', '--all-pods'),
    objects: await kubectl(
      'get',
      'stash,deployments,replicasets,pods,events,rolebindings,configmaps',
      '-n',
      namespace.name,
      '-o',
      'yaml',
      '--show-managed-fields',
    ),
    'objects of the operator': await kubectl('get', 'pods,events,leases', '-n', 'stash-system', '-o', 'yaml'),
  };
  const pods = await kubectl('get', 'pods', '-n', namespace.name, '-o', 'name');
  for (const pod of pods.split('\n')) {
    places[`the logs of ${pod}`] = await kubectl('logs', '-n', namespace.name, pod, '--all-containers');
  }
  const empty = Object.keys(places).filter((place) => places[place] === '');
  if (empty.includes('objects') || empty.includes('the logs of the operator')) {
    throw new Error(`nothing was looked at: ${empty.join(', ')}`);
  }
  return Object.keys(places).filter((place) => words.some((word) => places[place]?.includes(word)));
}
