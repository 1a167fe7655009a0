import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Client } from '../kube/client.ts';
import type { ApiObject } from '../kube/object.ts';
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from '../kube/resource.ts';

export interface RegistrationOptions {
  /** Of the operator: the mutating webhook leaves it out. */
  namespace: string;
  /** How the API server finds the server: a Service of that namespace, or a URL without a path. */
  address: { service: string } | { url: string };
  /** What the API server trusts, PEM. */
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
  [field: string]: unknown;
}

interface Service {
  name: string;
  namespace: string;
  path: string;
  port: number;
}

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

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

/** `registration` for this installation: where the server is, what it is trusted by, and which namespace it leaves alone. */
export function fillIn(registration: Registration, options: RegistrationOptions): Registration {
  return {
    ...registration,
    webhooks: registration.webhooks.map((webhook) => fillInWebhook(webhook, options)),
  };
}

function fillInWebhook(webhook: Webhook, { address, authority, namespace }: RegistrationOptions): Webhook {
  const { service, ...rest } = webhook.clientConfig;
  if (service === undefined) throw new Error(`the webhook ${webhook.name} names no Service`);
  const caBundle = Buffer.from(authority).toString('base64');
  const clientConfig =
    'url' in address
      ? { ...rest, url: new URL(service.path, address.url).href, caBundle }
      : { ...rest, service: { ...service, name: address.service, namespace }, caBundle };
  const filled = { ...webhook, clientConfig };
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
    await client.apply(resource, fillIn(registration, options), { fieldManager, force: true });
  }
}
