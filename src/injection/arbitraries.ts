import fc from 'fast-check';
import type { Raw } from './raw.ts';
import type {
  BackupWanted,
  InjectionOptions,
  RepositoryWanted,
  RestoreWanted,
  SidecarSettings,
  Wanted,
} from './wanted.ts';

/* Workloads, and what may be wanted of them, for the laws. Few names and paths, so that things meet. */

const VOLUMES = ['data', 'cache', 'config', 'stash-data'];
const PATHS = ['/data', '/data/', '/data/x', '//data/x/y', '/srv', 'srv/web', '/usr/share/html'];
const DIRECTORIES = ['/data', '/data/', '/data/x', '/data/x/y/z', '/srv', '/srv/web', '/usr/share/html'];

/** `usual`, and one time in fifteen `odd`. */
function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 14, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

/** Small JSON. */
export const anything = fc.jsonValue({ maxDepth: 2 });

/** An object with each of `fields` or without it, and sometimes with one that we do not know. */
function raw(fields: Record<string, fc.Arbitrary<unknown>>, required: string[] = []): fc.Arbitrary<Raw> {
  const unknownField = fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, anything);
  return fc
    .tuple(fc.record(fields, { requiredKeys: required, noNullPrototype: true }), unknownField)
    .map(([known, unknown]) => {
      return unknown === undefined ? known : { ...known, 'x-unknown': unknown };
    });
}

const source = fc.constantFrom<Raw>(
  { emptyDir: {} },
  { persistentVolumeClaim: { claimName: 'data' } },
  { persistentVolumeClaim: { claimName: 'backups' } },
  { persistentVolumeClaim: { claimName: 'backups', readOnly: true } },
  { configMap: { name: 'c' } },
  { secret: { secretName: 's' } },
  { downwardAPI: { items: [] } },
  { projected: { sources: [] } },
  { hostPath: { path: '/srv' } },
  { nfs: { server: 's', path: '/', readOnly: true } },
  { csi: { driver: 'd' } },
  { ephemeral: { volumeClaimTemplate: {} } },
  { image: { reference: 'i' } },
);

const volumes = mostly(
  fc.tuple(...VOLUMES.map((name) => source.map((kind): Raw => ({ name, ...kind })))),
  fc.constantFrom<Raw[]>([], [{ name: 'stash-scratch' }]),
);

const mount = fc
  .tuple(
    raw({ readOnly: fc.boolean(), mountPropagation: fc.constant('HostToContainer') }),
    fc.constantFrom(...VOLUMES, 'data', 'data', 'data'),
    mostly(fc.constantFrom(...PATHS), fc.constantFrom('/usr', '/stash/x', '/var')),
    fc.constantFrom<Raw>(
      {},
      {},
      {},
      { subPath: 'a' },
      { subPathExpr: '$(POD_NAME)' },
      { subPathExpr: '$(DIR)/a' },
    ),
  )
  .map(([more, name, mountPath, part]): Raw => ({ name, mountPath, ...part, ...more }));

const securityContext = raw({
  runAsUser: fc.constantFrom(0, 1000),
  runAsGroup: fc.constantFrom(0, 1000),
  runAsNonRoot: fc.boolean(),
  seLinuxOptions: fc.constant({ level: 's0:c1' }),
});

const resources = fc.constantFrom<Raw>(
  {},
  { limits: { cpu: '1', memory: '1Gi' } },
  { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1Gi' } },
  { requests: { cpu: '1' } },
);

const env = fc.subarray([
  { name: 'BASE', value: 'b' },
  { name: 'DIR', value: '$(BASE)/d' },
  { name: 'DIR', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'POD_NAME', value: 'p' },
]);

function containers(prefix: string, least: number): fc.Arbitrary<Raw[]> {
  const body = raw({
    image: fc.constant('app:1'),
    volumeMounts: fc.array(mount, { maxLength: 4 }),
    volumeDevices: mostly<Raw[]>(fc.constant([]), fc.constant([{ name: 'disk', devicePath: '/data/disk' }])),
    securityContext,
    resources,
    env,
    envFrom: fc.constant([{ configMapRef: { name: 'c' } }]),
    restartPolicy: fc.constant('Always'),
  });
  return fc
    .array(body, { minLength: least, maxLength: 3 })
    .chain((bodies) =>
      fc
        .constantFrom(...Array<number>(20).fill(-1), 0)
        .map((own) =>
          bodies.map((each, i): Raw => ({ name: i === own ? 'stash' : `${prefix}${i}`, ...each })),
        ),
    );
}

const podSpec = fc
  .tuple(
    containers('app', 1),
    raw(
      {
        volumes: mostly<unknown>(volumes, fc.constant(null)),
        initContainers: fc.oneof(containers('init', 0), fc.constant(null)),
        imagePullSecrets: fc.constantFrom([], [{ name: 'theirs' }], [{ name: 'ours' }]),
        securityContext,
        automountServiceAccountToken: fc.boolean(),
        resources: fc.constant({ limits: { cpu: '4' } }),
        nodeSelector: fc.constantFrom({}, { 'kubernetes.io/os': 'linux' }),
      },
      ['volumes'],
    ),
  )
  .map(([list, rest]): Raw => ({ ...rest, containers: list }));

const metadata = raw({
  labels: fc.constant({ app: 'web' }),
  annotations: fc.constantFrom({}, { a: 'b' }, null),
  creationTimestamp: fc.constant(null),
});

const template = fc
  .tuple(podSpec, fc.option(metadata, { nil: undefined }))
  .map(([spec, meta]): Raw => (meta === undefined ? { spec } : { metadata: meta, spec }));

/** A workload that has nothing of ours in it. */
export const workloads: fc.Arbitrary<Raw> = fc
  .tuple(
    fc.constantFrom('Deployment', 'StatefulSet', 'DaemonSet'),
    template,
    raw({
      replicas: fc.nat(5),
      strategy: fc.constant({ type: 'Recreate' }),
      volumeClaimTemplates: fc.subarray(VOLUMES.map((name): Raw => ({ metadata: { name }, spec: {} }))),
    }),
    raw({ status: anything }),
  )
  .map(([kind, pod, spec, rest]) => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web' },
    spec: { ...spec, template: pod },
    ...rest,
  }));

const repositories = fc.constantFrom<RepositoryWanted>(
  {
    name: 'a',
    secretName: 'storage.a',
    local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/mnt/a' },
  },
  {
    name: 'b',
    secretName: 'storage.a',
    local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/mnt/b' },
  },
  {
    name: 'c',
    secretName: 'c',
    local: { persistentVolumeClaim: { claimName: 'c'.repeat(90), readOnly: true }, mountPath: '/mnt/a/c' },
  },
  { name: 'd', secretName: 'd' },
);

const wish = {
  name: fc.constantFrom('k', 'l', 'm', 'n'),
  repository: repositories,
  directories: mostly(
    fc.array(fc.constantFrom(...DIRECTORIES), { minLength: 1, maxLength: 2 }),
    fc.constantFrom<string[]>([], ['/none'], ['x', '/data'], ['/']),
  ),
  container: fc.constantFrom('app0', 'app1', 'init0'),
};

const settings = fc.constantFrom<SidecarSettings>(
  { resources: { limits: { memory: '1Gi' } } },
  { resources: { limits: { memory: '2Gi' } }, securityContext: { runAsUser: 1000 } },
  { securityContext: { runAsUser: 0 } },
  { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
);

const upToThree = <Wish extends { name: string }>(wishes: fc.Arbitrary<Wish>) =>
  fc.uniqueArray(wishes, { maxLength: 3, selector: ({ name }) => name });

const backups = upToThree(
  fc.record<BackupWanted>(
    { ...wish, settings, imagePullSecrets: fc.subarray(['ours', 'theirs', 'mine']) },
    { requiredKeys: ['name', 'repository', 'directories'], noNullPrototype: true },
  ),
);

const restores = upToThree(
  fc.record<RestoreWanted>(wish, {
    requiredKeys: ['name', 'repository', 'directories'],
    noNullPrototype: true,
  }),
);

export const wants: fc.Arbitrary<Wanted> = fc.record({ backups, restores }, { noNullPrototype: true });

export const options: fc.Arbitrary<InjectionOptions> = fc.record({
  image: fc.constantFrom('stash:1', 'stash:2'),
  imagePullPolicy: fc.constantFrom(undefined, 'Always'),
  imagePullSecrets: fc.subarray(['ours', 'more']),
  nativeSidecar: fc.boolean(),
  resources: fc.constantFrom(
    { requests: { cpu: '1m' } },
    { requests: {}, limits: { cpu: '1', memory: '1Gi' } },
  ),
});
