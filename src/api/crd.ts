import type { Kind } from './kinds.ts';

interface JSONSchema {
  [keyword: string]: unknown;
}

/** Keywords of our schemas that a CustomResourceDefinition does not know. */
const OWN_KEYWORDS = new Set(['hint', 'holds']);

/**
 * The CustomResourceDefinition of `kind`. With the webhook down, it still refuses what is malformed.
 *
 * @param version - of the program that brings it: an older one leaves it as it is
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
 */
export function customResourceDefinition(kind: Kind, version: string): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.${kind.group}`,
      labels: { 'app.kubernetes.io/name': 'stash', 'app.kubernetes.io/version': version },
    },
    spec: {
      group: kind.group,
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: kind.shortNames,
        categories: ['stash'],
      },
      versions: [
        {
          name: kind.version,
          served: true,
          storage: true,
          ...(kind.status !== undefined && { subresources: { status: {} } }),
          additionalPrinterColumns: kind.columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: kind.description,
              required: ['spec'],
              properties: {
                spec: structural(kind.spec),
                ...(kind.status !== undefined && { status: structural(kind.status) }),
              },
            },
          },
        },
      ],
    },
  };
}

/**
 * `schema` as plain data, without the keywords that are for our own validator. Each description tells the default, which `kubectl
 * explain` does not.
 */
function structural(schema: unknown): JSONSchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value) => (OWN_KEYWORDS.has(key) ? undefined : withDefaultTold(value))),
  );
}

function withDefaultTold(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || !('default' in value)) return value;
  const { description, default: byDefault, type } = value as JSONSchema;
  if (typeof description !== 'string' || type === 'object') return value;
  return { ...value, description: `${description} The default is ${String(byDefault)}.` };
}
