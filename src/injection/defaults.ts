import { parseQuantity } from '../api/quantity.ts';
import { fingerprint } from './fingerprint.ts';
import { isRaw, type Raw, rawOf } from './raw.ts';

/**
 * The same for a pod template as its owner wrote it and as the API server sends it, defaults filled in: what `stash inject` makes of
 * a manifest has to stand when the webhook sees it.
 *
 * A default that is not listed costs no more than one needless look: the webhook then writes the record anew.
 *
 * @see https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/ - `pkg/apis/core/v1/defaults.go` fills in what stands here
 */
export function templateFingerprint(template: Raw): string {
  return fingerprint(plain(template, TEMPLATE));
}

/** What the API server does to the fields of an object. */
interface Shape {
  /** Filled in where they are absent. */
  defaults?: Readonly<Record<string, unknown>>;
  /** Left out by the API server where they are false, 0 or empty text. */
  omitted?: readonly string[];
  /** Objects, or lists of objects. */
  fields?: Readonly<Record<string, Shape>>;
  /** What is more than a table can say. */
  also?: (object: Raw) => Raw;
}

function plain(object: Raw, shape: Shape): Raw {
  const { defaults = {}, omitted = [], fields = {}, also } = shape;
  let result: Record<string, unknown> | undefined;
  for (const [field, value] of Object.entries(object)) {
    const isDefault =
      (Object.hasOwn(defaults, field) && defaults[field] === value) ||
      ((value === false || value === 0 || value === '') && omitted.includes(field));
    const inner = Object.hasOwn(fields, field) ? fields[field] : undefined;
    const now = isDefault ? undefined : inner === undefined ? value : plainValue(value, inner);
    if (now === value) continue;
    result ??= { ...object };
    result[field] = now;
  }
  const made = result ?? object;
  return also === undefined ? made : also(made);
}

function plainValue(value: unknown, shape: Shape): unknown {
  if (isRaw(value)) return plain(value, shape);
  if (!Array.isArray(value)) return value;
  let result: unknown[] | undefined;
  value.forEach((entry, index) => {
    const now = isRaw(entry) ? plain(entry, shape) : entry;
    if (now === entry) return;
    result ??= [...value];
    result[index] = now;
  });
  return result ?? value;
}

/** "0.5" and 0.5 are "500m" when they come back. */
function quantities(list: unknown): unknown {
  if (!isRaw(list)) return list;
  return Object.fromEntries(
    Object.entries(list).map(([name, quantity]) => [name, parseQuantity(quantity) ?? quantity]),
  );
}

/** What a container asks for is what it may use at most, where nothing else is said. */
const RESOURCES: Shape = {
  also: (resources) => {
    if (Object.keys(resources).length === 0) return resources;
    const limits = rawOf(quantities(resources.limits));
    const requests = Object.entries(rawOf(quantities(resources.requests))).filter(
      ([name, quantity]) => limits[name] !== quantity,
    );
    return { ...resources, limits, requests: Object.fromEntries(requests) };
  },
};

const quantityField =
  (field: string) =>
  (object: Raw): Raw => {
    const quantity = parseQuantity(object[field]);
    return quantity === undefined ? object : { ...object, [field]: quantity };
  };

const PROBE: Shape = {
  defaults: { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  omitted: ['initialDelaySeconds'],
  fields: {
    httpGet: { defaults: { path: '/', scheme: 'HTTP' }, omitted: ['host'] },
    grpc: { defaults: { service: '' } },
  },
};

const FIELD_REFERENCE: Shape = { defaults: { apiVersion: 'v1' } };
const RESOURCE_REFERENCE: Shape = { defaults: { divisor: '0' }, omitted: ['divisor'] };

const ENVIRONMENT: Shape = {
  omitted: ['value'],
  fields: { valueFrom: { fields: { fieldRef: FIELD_REFERENCE, resourceFieldRef: RESOURCE_REFERENCE } } },
};

const HANDLER: Shape = {
  fields: { httpGet: { defaults: { path: '/', scheme: 'HTTP' }, omitted: ['host'] } },
};

const CONTAINER: Shape = {
  defaults: { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' },
  omitted: ['tty', 'stdin', 'stdinOnce', 'workingDir'],
  fields: {
    resources: RESOURCES,
    env: ENVIRONMENT,
    envFrom: { omitted: ['prefix'] },
    ports: { defaults: { protocol: 'TCP' }, omitted: ['name', 'hostPort', 'hostIP'] },
    volumeMounts: { omitted: ['readOnly', 'subPath', 'subPathExpr'] },
    livenessProbe: PROBE,
    readinessProbe: PROBE,
    startupProbe: PROBE,
    lifecycle: { fields: { postStart: HANDLER, preStop: HANDLER } },
  },
  also: (container) => {
    if (container.imagePullPolicy !== pullPolicy(container.image)) return container;
    const { imagePullPolicy: _, ...rest } = container;
    return rest;
  },
};

/** Where no policy is said. An image without a tag is the latest. */
function pullPolicy(image: unknown): string {
  if (typeof image !== 'string') return '';
  const [name = '', digest] = image.split('@');
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const isLatest = tag === 'latest' || (tag === undefined && digest === undefined);
  return isLatest ? 'Always' : 'IfNotPresent';
}

const FILES: Shape = { defaults: { defaultMode: 0o644 } };
const DOWNWARD: Shape = {
  defaults: { defaultMode: 0o644 },
  fields: { items: { fields: { fieldRef: FIELD_REFERENCE, resourceFieldRef: RESOURCE_REFERENCE } } },
};

const VOLUME: Shape = {
  fields: {
    configMap: FILES,
    secret: FILES,
    downwardAPI: DOWNWARD,
    projected: {
      defaults: { defaultMode: 0o644 },
      fields: {
        sources: {
          fields: {
            serviceAccountToken: { defaults: { expirationSeconds: 3600 }, omitted: ['audience'] },
            downwardAPI: DOWNWARD,
          },
        },
      },
    },
    emptyDir: { omitted: ['medium'], also: quantityField('sizeLimit') },
    hostPath: { defaults: { type: '' } },
    persistentVolumeClaim: { omitted: ['readOnly'] },
    nfs: { omitted: ['readOnly'] },
    ephemeral: {
      fields: {
        volumeClaimTemplate: {
          fields: { spec: { defaults: { volumeMode: 'Filesystem' }, fields: { resources: RESOURCES } } },
        },
      },
    },
  },
};

const POD: Shape = {
  defaults: {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    enableServiceLinks: true,
  },
  omitted: [
    ...['hostNetwork', 'hostPID', 'hostIPC', 'nodeName', 'hostname', 'subdomain'],
    ...['serviceAccountName', 'priorityClassName'],
  ],
  fields: {
    containers: CONTAINER,
    initContainers: CONTAINER,
    volumes: VOLUME,
    tolerations: { omitted: ['value', 'key', 'effect'] },
    resources: RESOURCES,
  },
  also: (pod) => {
    // The older name of the same field.
    if (pod.serviceAccount === undefined || pod.serviceAccount === pod.serviceAccountName) {
      const { serviceAccount: _, ...rest } = pod;
      return rest;
    }
    if (pod.serviceAccountName !== undefined) return pod;
    const { serviceAccount, ...rest } = pod;
    return { ...rest, serviceAccountName: serviceAccount };
  },
};

const TEMPLATE: Shape = { fields: { spec: POD } };
