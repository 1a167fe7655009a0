import { parseQuantity } from '../api/quantity.ts';
import type { FieldShape, Shape } from './canonical.ts';
import { fingerprint } from './fingerprint.ts';
import { type Raw, rawOf, without } from './raw.ts';

/**
 * The same for a pod template as its owner wrote it and as the API server sends it, defaults filled in: what `stash inject` makes of
 * a manifest has to stand when the webhook sees it.
 *
 * A default that is not listed costs no more than one needless look: the webhook then writes the record anew.
 *
 * @see https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/ - `pkg/apis/core/v1/defaults.go` fills in what stands here
 */
export function templateFingerprint(template: Raw): string {
  return fingerprint(withAccountName(template), TEMPLATE);
}

/** What the API server does to the fields of an object. */
interface Filled {
  /** Filled in where they are absent. */
  defaults?: Readonly<Record<string, unknown>>;
  /** Left out by the API server where they are false, 0 or empty text. */
  omitted?: readonly string[];
  /** Objects, or lists of objects. */
  fields?: Readonly<Record<string, Filled>>;
  /** What is more than a table can say. */
  said?: Readonly<Record<string, FieldShape['said']>>;
  /** The same of every field, whatever its name. */
  each?: FieldShape['said'];
}

/** What is filled in, and what would be left out, says nothing. */
function shapeOf({ defaults = {}, omitted = [], fields = {}, said = {}, each }: Filled): Shape {
  const same = { said: each, shape: undefined };
  if (each !== undefined) return { get: () => same };
  const names = [defaults, fields, said].flatMap((table) => Object.keys(table)).concat(omitted);
  return new Map(
    names.map((name): [string, FieldShape] => {
      const filledIn = defaults[name];
      const isOmitted = omitted.includes(name);
      const inTable = (value: unknown) =>
        value === filledIn || (isOmitted && isZero(value)) ? undefined : value;
      const inner = fields[name];
      return [name, { said: said[name] ?? inTable, shape: inner && shapeOf(inner) }];
    }),
  );
}

const isZero = (value: unknown) => value === false || value === 0 || value === '';

/** "0.5" and 0.5 are "500m" when they come back. */
const amount = (quantity: unknown) => parseQuantity(quantity) ?? quantity;

const QUANTITIES: Filled = { each: amount };

/** What a container asks for is what it may use at most, where nothing else is said. */
const RESOURCES: Filled = {
  said: {
    limits: rawOf,
    requests: (requests, resources) => {
      const limits = rawOf(resources.limits);
      const asked = Object.entries(rawOf(requests));
      const isOther = ([name, quantity]: [string, unknown]) => amount(limits[name]) !== amount(quantity);
      return asked.every(isOther) ? rawOf(requests) : Object.fromEntries(asked.filter(isOther));
    },
  },
  fields: { limits: QUANTITIES, requests: QUANTITIES },
};

const PROBE: Filled = {
  defaults: { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  omitted: ['initialDelaySeconds'],
  fields: {
    httpGet: { defaults: { path: '/', scheme: 'HTTP' }, omitted: ['host'] },
    grpc: { defaults: { service: '' } },
  },
};

const FIELD_REFERENCE: Filled = { defaults: { apiVersion: 'v1' } };
const RESOURCE_REFERENCE: Filled = { defaults: { divisor: '0' }, omitted: ['divisor'] };

const ENVIRONMENT: Filled = {
  omitted: ['value'],
  fields: { valueFrom: { fields: { fieldRef: FIELD_REFERENCE, resourceFieldRef: RESOURCE_REFERENCE } } },
};

const HANDLER: Filled = {
  fields: { httpGet: { defaults: { path: '/', scheme: 'HTTP' }, omitted: ['host'] } },
};

const CONTAINER: Filled = {
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
  said: {
    imagePullPolicy: (policy, { image }) => (policy === pullPolicy(image) ? undefined : policy),
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

const FILES: Filled = { defaults: { defaultMode: 0o644 } };
const DOWNWARD: Filled = {
  defaults: { defaultMode: 0o644 },
  fields: { items: { fields: { fieldRef: FIELD_REFERENCE, resourceFieldRef: RESOURCE_REFERENCE } } },
};

const VOLUME: Filled = {
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
    emptyDir: { omitted: ['medium'], said: { sizeLimit: amount } },
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

const POD: Filled = {
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
  said: {
    serviceAccount: (account, { serviceAccountName }) =>
      account === serviceAccountName ? undefined : account,
  },
};

const TEMPLATE = shapeOf({ fields: { spec: POD } });

/** The older name of the same field is read where the newer has nothing. */
function withAccountName(template: Raw): Raw {
  const { serviceAccount, serviceAccountName } = rawOf(template.spec);
  const hasName = serviceAccountName !== undefined && !isZero(serviceAccountName);
  if (serviceAccount === undefined || hasName) return template;
  const spec = { ...without(rawOf(template.spec), 'serviceAccount'), serviceAccountName: serviceAccount };
  return { ...template, spec };
}
