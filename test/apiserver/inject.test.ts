import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import { inject } from '../../src/injection/inject.ts';
import { injectionOptions } from '../../src/injection/options.ts';
import { isSupported } from '../../src/injection/pod.ts';
import { type Raw, rawOf } from '../../src/injection/raw.ts';
import type { Wanted } from '../../src/injection/wanted.ts';
import { createClient } from '../../src/kube/client.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { namespaces } from '../../src/kube/resource.ts';
import { readContent, splitDocuments } from '../../src/kubectl/documents.ts';
import { injectManifests } from '../../src/kubectl/inject-manifests.ts';
import { takeInventory } from '../../src/kubectl/inventory.ts';
import { type ManifestObject, objectsOf } from '../../src/kubectl/objects.ts';

const namespace = `inject-${Date.now()}`;
const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const names = readdirSync(path('test/manifests'));
const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);
const options = injectionOptions({ image: 'stash:test', nativeSidecar: false });

/** What the API server makes of `text`, all documents of it, without keeping it. */
function created(text: string): Raw[] {
  const args = ['create', '--dry-run=server', '--validate=strict', '-n', namespace, '-o', 'json', '-f', '-'];
  const answer = execFileSync('kubectl', args, { input: text, encoding: 'utf8', maxBuffer: 64 << 20 });
  // Several objects come as several JSON documents, one after the other.
  const documents = answer.split(/^(?=\{$)/m).map((each) => JSON.parse(each) as Raw);
  return documents.flatMap((each) => (each.kind === 'List' ? (each.items as Raw[]) : [each]));
}

const objectsIn = (text: string): ManifestObject[] =>
  splitDocuments({ name: 'input', text }).flatMap((document) => {
    const content = readContent(document.body);
    return 'value' in content ? objectsOf(document, content.value).objects : [];
  });

/** The API server has no field that is null: for it, one that was null was absent. */
const templateOf = (object: Raw) =>
  JSON.parse(JSON.stringify(rawOf(object.spec).template ?? null).replaceAll('\\"null\\"', '\\"absent\\"'));

beforeAll(async () => {
  await applyDefinitions(client, await readDefinitions(path('crds')), { fieldManager: 'stash-operator' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(async () => {
  await client.delete(namespaces, namespace);
  connection.close();
});

describe.each(names)('%s', (name) => {
  const text = readFileSync(path(`test/manifests/${name}`), 'utf8');
  const wantedOf = (): ((object: Raw) => Wanted) => {
    const inventory = takeInventory(objectsIn(text), 'default');
    return (object) => {
      const workload = inventory.workloads.find((each) => each.name === rawOf(object.metadata).name);
      return workload === undefined ? { backups: [], restores: [] } : inventory.wantedFor(workload);
    };
  };

  it('is accepted as it was and as it is injected, and is then what the webhook makes of it', () => {
    const injected = injectManifests([{ name, text }], 'default', options);
    expect(injected.refusals).toEqual([]);
    const wanted = wantedOf();
    const plain = created(text);
    const offline = created(injected.text);
    expect(offline.map(({ kind, metadata }) => [kind, rawOf(metadata).name])).toEqual(
      plain.map(({ kind, metadata }) => [kind, rawOf(metadata).name]),
    );

    // The webhook sees an object with its defaults, and what it puts in gets its own.
    const webhook = plain.filter(isSupported).map((object) => inject(object, wanted(object), options));
    expect(webhook.some(({ changed }) => changed)).toBe(true);
    const items = webhook.map(({ workload }) => workload);
    const online = created(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const offlineWorkloads = offline.filter(isSupported);
    expect(offlineWorkloads.map(templateOf)).toEqual(online.map(templateOf));
    for (const object of offlineWorkloads) {
      expect(inject(object, wanted(object), options)).toMatchObject({ changed: false, problems: [] });
    }
  });
});
