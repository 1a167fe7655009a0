import type { Namespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';

/**
 * Where one of `passwords` is seen, as it is or in base64: in the logs of the agents of `namespace` and of the operator, in Events, and
 * in every object of `namespace` but the Secrets themselves.
 *
 * @throws {Error} where it would not be seen even in the Secrets: then nothing is found because of the search
 */
export async function leaks(namespace: Namespace, passwords: string[]): Promise<string[]> {
  const words = passwords.flatMap((password) => [password, base64(password)]);
  const isLeaked = (text: string) => words.some((word) => text.includes(word));
  const objectsOf = (kinds: string, where: string) =>
    kubectl('get', kinds, '-n', where, '-o', 'json', '--show-managed-fields');
  if (!isLeaked(await objectsOf('secrets', namespace.name))) throw new Error('the search finds no password');

  const kinds = 'stash,deployments,replicasets,pods,events,rolebindings,configmaps';
  const places: Record<string, string> = {
    'the logs of the operator': await kubectl('logs', '-n', 'stash-system', 'deployment/stash', '--all-pods'),
    objects: await objectsOf(kinds, namespace.name),
    'objects of the operator': await objectsOf('deployments,pods,events,leases', 'stash-system'),
  };
  const pods = await kubectl('get', 'pods', '-n', namespace.name, '-o', 'name');
  for (const pod of pods.split('\n')) {
    // A step that was never begun has no log, for which kubectl would give up the others.
    const options = ['--all-containers', '--ignore-errors'];
    places[`the logs of ${pod}`] = await kubectl('logs', '-n', namespace.name, pod, ...options);
  }
  return Object.keys(places).filter((place) => isLeaked(places[place] ?? ''));
}

/** Without the end, which depends on what follows. */
function base64(password: string): string {
  return Buffer.from(password).toString('base64').replace(/.?=*$/, '');
}
