import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import {
  namespaces,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '../../src/kube/resource.ts';

/* People with rights of their own, and the policies of the installation, with no operator there. */

export interface Right {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

const endpoint = kubeconfigEndpoint();
const connection = createConnection(endpoint);
export const admin = createClient(connection);

/** The API as the user `person` sees it. */
export function as(person: string): Client {
  const impersonating = {
    server: endpoint.server,
    credentials: async (renew: boolean) => {
      const own = await endpoint.credentials(renew);
      return { ...own, headers: { ...own.headers, 'impersonate-user': person } };
    },
  };
  return createClient(createConnection(impersonating));
}

/** What somebody is told who tries; undefined where it is admitted. */
export async function refusalOf(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return error.message;
    throw error;
  }
}

/** Our kinds, the policies of the installation, and `namespace` with `people` in it, each with these rights there. */
export async function installAuthors(namespace: string, people: Record<string, Right[]>): Promise<void> {
  const folder = fileURLToPath(new URL('../../crds', import.meta.url));
  await applyDefinitions(admin, await readDefinitions(folder), { fieldManager: 'stash-operator' });
  await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const object of await policies()) {
    const resource = [validatingAdmissionPolicies, validatingAdmissionPolicyBindings].find(
      ({ kind }) => kind === object.kind,
    );
    if (resource === undefined) throw new Error(`the manifest has a ${object.kind}`);
    await admin.apply(resource, object, { fieldManager: 'test', force: true });
  }
  for (const [person, rules] of Object.entries(people)) await give(namespace, person, rules);
}

/** @param namespace - that of {@link installAuthors} */
export async function removeAuthors(namespace: string): Promise<void> {
  await admin.delete(namespaces, namespace);
  connection.close();
}

async function policies(): Promise<ApiObject[]> {
  const file = fileURLToPath(new URL('../../manifests/install.yaml', import.meta.url));
  return parseAllDocuments(await readFile(file, 'utf8'))
    .map((document) => document.toJS() as ApiObject)
    .filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
}

const group = 'rbac.authorization.k8s.io';
const rbac = (plural: string, kind: string) => ({ group, version: 'v1', plural, kind, namespaced: true });

async function give(namespace: string, person: string, rules: Right[]): Promise<void> {
  const apiVersion = `${group}/v1`;
  const metadata = { name: person, namespace };
  const role: ApiObject & { rules: Right[] } = { apiVersion, kind: 'Role', metadata, rules };
  await admin.create(rbac('roles', 'Role'), role);
  const roleRef = { apiGroup: group, kind: 'Role', name: person };
  const subjects = [{ apiGroup: group, kind: 'User', name: person }];
  const binding = { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects };
  await admin.create(rbac('rolebindings', 'RoleBinding'), binding);
}
