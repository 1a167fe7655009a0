import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
} from '../../src/api/resources.ts';
import type { Client } from '../../src/kube/client.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { pods } from '../../src/kube/resource.ts';
import { tryKubectl } from './kubectl.ts';

/** All that one would ask next of `namespace`: the status of our objects and of its pods, Events, and what agents and operator said last. */
export async function diagnosis(client: Client, namespace: string): Promise<string> {
  const kinds = [REPOSITORIES, BACKUP_CONFIGURATIONS, BACKUP_SESSIONS, RESTORE_SESSIONS, pods];
  const parts: string[] = [];
  for (const resource of kinds) {
    const objects = await client.list<ApiObject & { status?: unknown }>(resource, { namespace });
    for (const { metadata, status } of objects) {
      parts.push(`${resource.kind} ${metadata.name}: ${JSON.stringify(withoutNoise(status))}`);
    }
  }
  const columns = 'TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message';
  const questions = [
    [
      'get',
      'events',
      '-n',
      namespace,
      '--sort-by=.metadata.creationTimestamp',
      '-o',
      `custom-columns=${columns}`,
    ],
    ...['stash', 'stash-restore'].map((container) => logsOf(namespace, container)),
    ['logs', '-n', 'stash-system', 'deployment/stash', '--all-pods', '--prefix', '--tail=20'],
  ];
  for (const question of questions) {
    const { stdout, stderr } = await tryKubectl(question);
    const shown = [...stdout.split('\n'), stderr].slice(-60).join('\n');
    parts.push(`$ kubectl ${question.join(' ')}\n${shown}`);
  }
  return parts.join('\n');
}

function logsOf(namespace: string, container: string): string[] {
  return ['logs', '-n', namespace, '-l', 'app', '-c', container, '--prefix', '--tail=15', '--ignore-errors'];
}

/** Images, addresses and volumes of a pod fill a screen and tell nothing. */
function withoutNoise(status: unknown): unknown {
  return JSON.parse(
    JSON.stringify(status ?? null, (key, value) =>
      /^(image|imageID|containerID|podIPs?|hostIPs?|volumeMounts|user|allocatedResources|resources)$/.test(
        key,
      )
        ? undefined
        : value,
    ),
  );
}
