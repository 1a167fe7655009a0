import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Resource } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from '../kube/resource.ts';

export interface RegistrationOptions {
  /** Of the operator: the mutating webhook leaves it out. */
  namespace: string;
  /** How the API server finds the server: a Service of that namespace, or a URL without a path. */
  address: { service: string } | { url: string };
  /** What the API server trusts, PEM; empty where it is to trust what the system does that it runs on. */
  authority: string;
}

/** A mutating or validating registration, as far as we fill it in (Kubernetes API reference, `admissionregistration.k8s.io/v1`). */
export interface Registration extends ApiObject {
  webhooks: Webhook[];
}

interface Webhook {
  name: string;
  clientConfig: { service?: Service; url?: string; caBundle?: string };
  namespaceSelector?: { matchExpressions?: { key: string; operator: string; values?: string[] }[] };
  matchConditions?: { name: string; expression: string }[];
  [field: string]: unknown;
}

interface Service {
  name: string;
  namespace: string;
  path: string;
  port: number;
}

/**
 * By these, cert-manager's cainjector is asked to write the caBundle.
 *
 * @see https://cert-manager.io/docs/concepts/ca-injector/
 */
const INJECTOR_ANNOTATIONS = ['inject-ca-from', 'inject-ca-from-secret', 'inject-apiserver-ca'].map(
  (name) => `cert-manager.io/${name}`,
);

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

/** As the files have it, which are of the usual installation. */
const USUAL_OPERATOR = operatorName('stash-system');

/** The user name of the operator that runs in `namespace`. */
export function operatorName(namespace: string): string {
  return `system:serviceaccount:${namespace}:stash-operator`;
}

/**
 * The names by which the API server calls a server: those of its Service, and the host of its URL where it has one. A certificate
 * has to stand for them.
 */
export function serverNames(service: string, namespace: string, url?: string): string[] {
  const names = [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`];
  return url === undefined ? names : [...names, new URL(url).hostname.replace(/^\[|\]$/g, '')];
}

/**
 * The registrations in the folder `webhook-config`, as they are written there.
 *
 * @throws {Error} where a file is missing or is no YAML
 */
export async function readRegistrations(folder: string): Promise<Registration[]> {
  const files = ['mutating.yaml', 'validating.yaml'].map((file) => readFile(join(folder, file), 'utf8'));
  return (await Promise.all(files)).map((text) => parse(text) as Registration);
}

/** `registration` for this installation: where the server is, what it is trusted by, which namespace it leaves alone, and who is not asked about. */
export function fillIn(registration: Registration, options: RegistrationOptions): Registration {
  return {
    ...registration,
    webhooks: registration.webhooks.map((webhook) => fillInWebhook(webhook, options)),
  };
}

function fillInWebhook(webhook: Webhook, { address, authority, namespace }: RegistrationOptions): Webhook {
  const { service, ...rest } = webhook.clientConfig;
  if (service === undefined) throw new Error(`the webhook ${webhook.name} names no Service`);
  const where =
    'url' in address
      ? { url: new URL(service.path, address.url).href }
      : { service: { ...service, name: address.service, namespace } };
  const clientConfig = {
    ...rest,
    ...where,
    ...(authority !== '' && { caBundle: Buffer.from(authority).toString('base64') }),
  };
  const filled = {
    ...webhook,
    clientConfig,
    ...(webhook.matchConditions !== undefined && {
      matchConditions: webhook.matchConditions.map(({ name, expression }) => ({
        name,
        expression: expression.replaceAll(`'${USUAL_OPERATOR}'`, `'${operatorName(namespace)}'`),
      })),
    }),
  };
  if (webhook.namespaceSelector === undefined) return filled;
  return { ...filled, namespaceSelector: leavingOut(webhook.namespaceSelector, namespace) };
}

function leavingOut(selector: NonNullable<Webhook['namespaceSelector']>, namespace: string) {
  const matchExpressions = selector.matchExpressions?.map((expression) =>
    expression.key === NAMESPACE_NAME && expression.operator === 'NotIn'
      ? { ...expression, values: [...new Set([...(expression.values ?? []), namespace])] }
      : expression,
  );
  return { ...selector, ...(matchExpressions !== undefined && { matchExpressions }) };
}

/**
 * `registration` with the caBundles of `present`, where cert-manager's cainjector is to write them: it would be fought otherwise. The
 * version goes along, so that none is written over that came meanwhile.
 */
export function keepInjected(registration: Registration, present: Registration | undefined): Registration {
  const annotations = present?.metadata.annotations ?? {};
  if (present === undefined || !INJECTOR_ANNOTATIONS.some((name) => annotations[name] !== undefined))
    return registration;
  const { resourceVersion } = present.metadata;
  return {
    ...registration,
    metadata: { ...registration.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
    webhooks: registration.webhooks.map((webhook) => {
      const { caBundle: own, ...rest } = webhook.clientConfig;
      const injected = present.webhooks?.find(({ name }) => name === webhook.name)?.clientConfig.caBundle;
      const caBundle = injected ?? own;
      return { ...webhook, clientConfig: { ...rest, ...(caBundle !== undefined && { caBundle }) } };
    }),
  };
}

/** Makes the API server ask us, by server-side apply: doing it again changes nothing. */
export async function applyRegistrations(
  client: Client,
  registrations: Registration[],
  options: RegistrationOptions & { fieldManager: string },
): Promise<void> {
  const { fieldManager } = options;
  for (const registration of registrations) {
    const resource =
      registration.kind === mutatingWebhookConfigurations.kind
        ? mutatingWebhookConfigurations
        : validatingWebhookConfigurations;
    const present = await read(client, resource, registration.metadata.name);
    const wanted = keepInjected(fillIn(registration, options), present);
    await client.apply(resource, wanted, { fieldManager, force: true });
  }
}

async function read(client: Client, resource: Resource, name: string): Promise<Registration | undefined> {
  try {
    return await client.get<Registration>(resource, name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
