import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { issueAuthority } from '../../src/admission/certificate.ts';
import {
  CERTIFICATE_SECRET,
  CertificateSecret,
  type CertificateSecretOptions,
} from '../../src/admission/certificate-secret.ts';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import { mutateWorkloads } from '../../src/admission/mutate-workloads.ts';
import {
  applyRegistrations,
  type Registration,
  readRegistrations,
} from '../../src/admission/registrations.ts';
import { type AdmissionServer, createAdmissionServer } from '../../src/admission/server.ts';
import { validateObjects } from '../../src/admission/validate-objects.ts';
import { validateReports } from '../../src/admission/validate-reports.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
} from '../../src/api/resources.ts';
import type { Wanted } from '../../src/injection/wanted.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { runLeaderElection } from '../../src/kube/leader.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import {
  customResourceDefinitions,
  daemonSets,
  deployments,
  mutatingWebhookConfigurations,
  namespaces,
  pods,
  secrets,
  statefulSets,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '../../src/kube/resource.ts';
import { unregister } from './registrations.fixture.ts';

const fieldManager = 'stash-operator';
const operator = 'system:serviceaccount:stash-system:stash-operator';
const namespace = `admission-${Date.now()}`;
const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

const endpoint = kubeconfigEndpoint();
const connection = createConnection(endpoint);
const client = createClient(connection);
const silent = { info: () => {}, warn: () => {}, error: () => {} };

type Loose = ApiObject & { spec?: unknown; status?: unknown };

const resources: Record<string, Resource> = {
  Namespace: namespaces,
  ServiceAccount: core('serviceaccounts', 'ServiceAccount'),
  Service: core('services', 'Service'),
  ClusterRole: rbac('clusterroles', 'ClusterRole', false),
  ClusterRoleBinding: rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  Role: rbac('roles', 'Role', true),
  RoleBinding: rbac('rolebindings', 'RoleBinding', true),
  ValidatingAdmissionPolicy: validatingAdmissionPolicies,
  ValidatingAdmissionPolicyBinding: validatingAdmissionPolicyBindings,
  Deployment: deployments,
  PodDisruptionBudget: {
    group: 'policy',
    version: 'v1',
    plural: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
    namespaced: true,
  },
};

function core(plural: string, kind: string): Resource {
  return { group: '', version: 'v1', plural, kind, namespaced: true };
}

function rbac(plural: string, kind: string, namespaced: boolean): Resource {
  return { group: 'rbac.authorization.k8s.io', version: 'v1', plural, kind, namespaced };
}

/** The manifest without its Deployment: nothing runs pods here. */
async function manifest(): Promise<ApiObject[]> {
  const text = await readFile(path('manifests/install.yaml'), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as ApiObject);
}

const resourceOf = ({ kind }: ApiObject): Resource => {
  const resource = resources[kind];
  if (resource === undefined) throw new Error(`the manifest has a ${kind}`);
  return resource;
};

interface TokenOptions {
  namespace: string;
  name: string;
  pod?: { name: string; uid: string };
}

/** A client with a token of a service account, bound to a pod where one is given. */
async function clientOf({ namespace: at, name, pod }: TokenOptions): Promise<Client> {
  const answer = await connection.request({
    method: 'POST',
    path: `/api/v1/namespaces/${at}/serviceaccounts/${name}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: pod === undefined ? {} : { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', ...pod } },
    },
  });
  const { token } = (answer.body as { status: { token: string } }).status;
  const { ca } = await endpoint.credentials(false);
  const credentials = { ...(ca !== undefined && { ca }), headers: { authorization: `Bearer ${token}` } };
  return createClient(createConnection({ server: endpoint.server, credentials: async () => credentials }));
}

const refusalOf = async (promise: Promise<unknown>): Promise<ApiError> => {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw error;
};

/** Tries again until it succeeds: what an API server caches comes a moment later. */
const eventually = <Result>(attempt: () => Promise<Result>) =>
  vi.waitFor(attempt, { timeout: 20_000, interval: 200 });

const object = (resource: Resource, name: string, spec: unknown): Loose => ({
  apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
  kind: resource.kind,
  metadata: { name, namespace },
  spec,
});

const target = {
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
  directories: ['/source/data'],
};
const configuration = (name: string, difference: object = {}) =>
  object(BACKUP_CONFIGURATIONS, name, {
    schedule: '@daily',
    repository: { name: 'shop' },
    target,
    ...difference,
  });
const deployment = (name: string) =>
  object(deployments, name, {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'app', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/source/data' }] },
        ],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    },
  });

const wanted: Wanted = {
  backups: [
    {
      name: 'daily',
      directories: ['/source/data'],
      repository: {
        name: 'shop',
        secretName: 'shop-secret',
        local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/stash/repositories/shop' },
      },
    },
  ],
  restores: [],
};

/** A replica of the operator, as far as admission goes: outside the cluster, found by a URL. */
class Replica {
  readonly certificate: CertificateSecret;
  readonly server: AdmissionServer;

  constructor(as: Client, options: Partial<CertificateSecretOptions> = {}) {
    this.server = createAdmissionServer({
      port: 0,
      host: '127.0.0.1',
      drainMs: 0,
      log: silent,
      handlers: {
        '/mutate/workloads': mutateWorkloads({
          wantedFor: (_, __, name) => (name === 'shop' ? wanted : { backups: [], restores: [] }),
          wantedAtRest: (_, want) => want,
          injection: {
            image: 'stash:test',
            imagePullSecrets: [],
            nativeSidecar: false,
            resources: { requests: { cpu: '10m' } },
          },
          log: silent,
        }),
        '/validate/objects': validateObjects({ targetProblems: () => ({ problems: [], warnings: [] }) }),
        '/validate/reports': validateReports({ operator }),
      },
    });
    this.certificate = new CertificateSecret({
      client: as,
      namespace: 'stash-system',
      names: ['stash-webhook.stash-system.svc', '127.0.0.1'],
      log: silent,
      onChange: (certificate) => this.server.useCertificate(certificate),
      ...options,
    });
  }
}

async function register(as: Client, url: string, authority: string): Promise<void> {
  const registrations = await readRegistrations(path('webhook-config'));
  await applyRegistrations(as, registrations, {
    namespace: 'stash-system',
    address: { url },
    authority,
    fieldManager,
  });
}

/** A new connection's handshake: the server's certificate, PEM, where it is good by `authority`. */
function shakeHands(url: string, authority: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca: authority }, () => {
      resolve(socket.getPeerX509Certificate()?.toString());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

let asOperator: Client;
let definitions: ApiObject[];

beforeAll(async () => {
  for (const one of await manifest()) {
    if (one.kind === 'Deployment') continue;
    await client.apply(resourceOf(one), one, { fieldManager: 'test', force: true });
  }
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  asOperator = await clientOf({ namespace: 'stash-system', name: 'stash-operator' });
  definitions = await readDefinitions(path('crds'));
  // RBAC is read from a cache of the API server, which may not have it yet.
  await eventually(() => asOperator.list(pods, { namespace }));
  await applyDefinitions(asOperator, definitions, { fieldManager });
});

afterAll(async () => {
  await unregister(connection);
  await client.delete(namespaces, namespace);
  connection.close();
});

describe('the installation', () => {
  it('is what the API server accepts, whole', async () => {
    for (const one of await manifest()) {
      const options = { fieldManager: 'test', force: true, dryRun: true };
      await expect(client.apply(resourceOf(one), one, options)).resolves.toMatchObject({ kind: one.kind });
    }
  });

  it('has pods that its namespace takes, which holds them to the restricted standard', async () => {
    const deployment = (await manifest()).find(({ kind }) => kind === 'Deployment') as Loose;
    const { template } = deployment.spec as { template: { spec: { securityContext?: object } } };
    const pod = (spec: object) => ({
      ...object(pods, 'operator', spec),
      metadata: { name: 'operator', namespace: 'stash-system' },
    });
    const options = { dryRun: true };
    await expect(client.create(pods, pod(template.spec), options)).resolves.toBeDefined();
    const { securityContext: _, ...lax } = template.spec;
    expect((await refusalOf(client.create(pods, pod(lax), options))).message).toContain('PodSecurity');
  });

  it.each([deployments, statefulSets, daemonSets])(
    'lets the operator see and touch workloads: $plural',
    async (resource) => {
      await expect(asOperator.list(resource, { namespace })).resolves.toBeDefined();
      const patch = { metadata: { annotations: { a: 'b' } } };
      const refusal = await refusalOf(asOperator.mergePatch(resource, 'nobody', namespace, patch));
      expect(refusal.status).toBe(404);
    },
  );

  it('gives the operator the right to its own definitions, and they are served', async () => {
    await applyDefinitions(asOperator, definitions, { fieldManager });
    expect(definitions.map(({ metadata }) => metadata.name)).toHaveLength(7);
    for (const resource of [REPOSITORIES, BACKUP_CONFIGURATIONS, BACKUP_SESSIONS, RESTORE_SESSIONS]) {
      await expect(client.list(resource, { namespace })).resolves.toEqual([]);
    }
  });

  it('an older replica that is restarted leaves the definitions of a newer one, whichever of them is faster', async () => {
    type Definition = ApiObject & { spec: { names: { categories: string[] } } };
    const [own] = definitions.slice(-1) as [Definition];
    const { name, labels } = own.metadata;
    const of = (version: string, category: string): Definition => {
      const other = structuredClone(own);
      other.metadata.labels = { ...labels, 'app.kubernetes.io/version': version };
      other.spec.names.categories = ['stash', category];
      return other;
    };
    const standing = async () => {
      const { metadata, spec } = await client.get<Definition>(customResourceDefinitions, name);
      return [metadata.labels?.['app.kubernetes.io/version'], spec.names.categories.at(-1)];
    };
    for (let minor = 1; minor <= 5; minor++) {
      const newer = of(`9.${minor}.0`, `newer-${minor}`);
      const older = of(`9.${minor}.0-rc.1`, 'older');
      const both = minor % 2 === 0 ? [newer, older] : [older, newer];
      await Promise.all(both.map((each) => applyDefinitions(asOperator, [each], { fieldManager })));
      expect(await standing()).toEqual([`9.${minor}.0`, `newer-${minor}`]);
    }
    const told: string[] = [];
    const onNewer = (...said: string[]) => told.push(said.join(' '));
    await applyDefinitions(asOperator, definitions, { fieldManager, onNewer });
    expect(told).toEqual([`${name} 9.5.0`]);
    expect(await standing()).toEqual(['9.5.0', 'newer-5']);

    // What has no version is of a time before they had one.
    await client.mergePatch(customResourceDefinitions, name, undefined, {
      metadata: { labels: { 'app.kubernetes.io/version': null } },
    });
    await applyDefinitions(asOperator, definitions, { fieldManager });
    expect(await standing()).toEqual([labels?.['app.kubernetes.io/version'], 'stash']);
  });

  it('gives it no right to those of others, to Secrets, or to more than it has', async () => {
    const [first] = definitions;
    const foreign = structuredClone(first) as ApiObject & { spec: { group: string } };
    foreign.metadata.name = 'repositories.example.org';
    foreign.spec.group = 'example.org';
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' };
    const binding = {
      ...role,
      metadata: { name: 'more', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'stash-operator', namespace: 'stash-system' }],
    };
    const attempts = [
      () => asOperator.apply(customResourceDefinitions, foreign, { fieldManager }),
      () => asOperator.list(secrets, { namespace }),
      () => asOperator.list(secrets, { namespace: 'stash-system' }),
      () => asOperator.get(secrets, 'another', 'stash-system'),
      () => asOperator.create(resources.RoleBinding as Resource, binding),
    ];
    for (const attempt of attempts) expect((await refusalOf(attempt())).status).toBe(403);
  });

  it('lets it lead, by its own Lease and no other', async () => {
    const stop = new AbortController();
    const lead = (name: string) =>
      new Promise((resolve) => {
        const led = runLeaderElection({
          client: asOperator,
          namespace: 'stash-system',
          name,
          identity: namespace,
          signal: stop.signal,
          onStarted: async () => resolve('leads'),
          onError: resolve,
        });
        led.catch(resolve);
      });
    const results = [await lead('stash-operator'), await lead('another')];
    stop.abort();
    expect(results).toEqual(['leads', expect.objectContaining({ status: 403 })]);
  });

  it('lets it bind the role of the agents, and nothing in it is a wildcard', async () => {
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'stash-agent-shop', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'stash-agent' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    };
    await asOperator.create(resources.RoleBinding as Resource, binding);
    const roles = (await manifest()).filter(({ kind }) => kind.endsWith('Role'));
    expect(JSON.stringify(roles)).not.toContain('"*"');
  });
});

describe('the certificate', () => {
  it('is one and the same for two replicas that start at once', async () => {
    for (let round = 0; round < 5; round++) {
      await client.delete(secrets, CERTIFICATE_SECRET, 'stash-system').catch(() => {});
      const replicas = [new Replica(asOperator), new Replica(asOperator)];
      await Promise.all(replicas.map(({ certificate }) => certificate.refresh()));
      const [first, second] = replicas.map(({ certificate }) => certificate.current());
      expect(first).toBeDefined();
      expect(second).toEqual(first);
    }
  });

  it('changes with its authority, and not one review is lost meanwhile', async () => {
    await client.delete(secrets, CERTIFICATE_SECRET, 'stash-system').catch(() => {});
    const [day, minute] = [86_400_000, 60_000];
    let ago = 800 * day;
    const clock = { ...systemClock, now: () => Date.now() - ago };
    const lifetimes = { authorityLifetimeMs: 1000 * day, leafLifetimeMs: 1000 * day };
    const rotating = new Replica(asOperator, { clock, ...lifetimes });
    await rotating.certificate.refresh();
    const rotatingUrl = `https://127.0.0.1:${await rotating.server.listen()}`;
    const tell = async () => {
      const authority = rotating.certificate.current()?.authority ?? '';
      await register(asOperator, rotatingUrl, authority);
      rotating.certificate.published(authority);
    };
    await tell();
    const wrong = configuration('rotating', { schedule: '98 * * * *' });
    const isAsked = async () => {
      const refusal = await refusalOf(client.create(BACKUP_CONFIGURATIONS, wrong, { dryRun: true }));
      expect(refusal.message).toContain('98 * * * *');
    };
    await eventually(isAsked);
    const old = rotating.certificate.current();

    ago = 10 * minute;
    await rotating.certificate.refresh();
    await isAsked();
    await tell();
    expect(rotating.certificate.current()?.certificate).toBe(old?.certificate);
    // The API server takes up a registration a moment later: here a second stands for the five minutes.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    ago = 0;
    await rotating.certificate.refresh();
    const { certificate = '', authority = '' } = rotating.certificate.current() ?? {};
    expect(certificate).not.toBe(old?.certificate);
    await expect(shakeHands(rotatingUrl, authority)).resolves.toBe(certificate);
    await isAsked();
    await rotating.server.close();
  });

  it('of others is trusted as they say: what cert-manager writes into a registration stays', async () => {
    const registration = () =>
      client.get<Registration>(mutatingWebhookConfigurations, 'stash').then(({ webhooks }) => webhooks[0]);
    const injected = Buffer.from((await issueAuthority(Date.now(), 3_600_000)).certificate).toString(
      'base64',
    );
    await register(asOperator, 'https://127.0.0.1:1', '');
    expect((await registration())?.clientConfig.caBundle).toBeUndefined();
    await client.mergePatch(mutatingWebhookConfigurations, 'stash', undefined, {
      metadata: { annotations: { 'cert-manager.io/inject-ca-from': 'stash-system/stash-webhook' } },
    });
    await client.jsonPatch(mutatingWebhookConfigurations, 'stash', undefined, [
      { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: injected },
    ]);
    await register(asOperator, 'https://127.0.0.1:1', (await issueAuthority(Date.now(), 1000)).certificate);
    expect((await registration())?.clientConfig.caBundle).toBe(injected);
    await client.mergePatch(mutatingWebhookConfigurations, 'stash', undefined, {
      metadata: { annotations: { 'cert-manager.io/inject-ca-from': null } },
    });
  });
});

describe('the webhook', () => {
  const lifetime = 12_000;
  const stop = new AbortController();
  let replica: Replica;
  let running: Promise<void>;
  let url: string;

  beforeAll(async () => {
    await client.delete(secrets, CERTIFICATE_SECRET, 'stash-system').catch(() => {});
    replica = new Replica(asOperator, { leafLifetimeMs: lifetime, beatMs: 100 });
    running = replica.certificate.run(stop.signal);
    await eventually(async () => expect(replica.certificate.problem()).toBeUndefined());
    url = `https://127.0.0.1:${await replica.server.listen()}`;
  });

  beforeEach(async () => {
    await register(asOperator, url, replica.certificate.current()?.authority ?? '');
    // The API server takes up a registration a moment later.
    const probe = configuration('probe', { schedule: '99 * * * *' });
    await eventually(async () => {
      const refusal = await refusalOf(client.create(BACKUP_CONFIGURATIONS, probe, { dryRun: true }));
      expect(refusal.message).toContain('99 * * * *');
    });
  });

  afterAll(async () => {
    stop.abort();
    await running;
    await replica.server.close();
  });

  const wrong: [string, Loose, string[]][] = [
    [
      'a schedule and a timeout',
      configuration('wrong', { schedule: '61 * * * *', timeout: '0s' }),
      ['spec.schedule', 'spec.timeout'],
    ],
    ['a time zone', configuration('wrong', { timeZone: 'Mars/Olympus' }), ['spec.timeZone']],
    [
      'a directory that is there twice',
      configuration('wrong', { target: { ...target, directories: ['/a', '/a/'] } }),
      ['spec.target.directories[1]'],
    ],
  ];

  it.each(wrong)('refuses %s through the API server, with each field', async (_, one, fields) => {
    const { status, reason, details, message } = await refusalOf(client.create(BACKUP_CONFIGURATIONS, one));
    expect([status, reason]).toEqual([422, 'Invalid']);
    expect(details.causes?.map(({ field }) => field)).toEqual(fields);
    expect(message).toContain('admission webhook "objects.stash.appscode.com" denied the request');
  });

  it('lets what is right pass', async () => {
    const created = await client.create(BACKUP_CONFIGURATIONS, configuration('right'));
    expect(created.spec).toMatchObject({ timeout: '24h', paused: false });
  });

  it('puts the sidecar into a Deployment, and into no other', async () => {
    const shop = await client.create<Loose>(deployments, deployment('shop'));
    expect(JSON.stringify(shop.spec)).toContain('"image":"stash:test"');
    const other = await client.create<Loose>(deployments, deployment('other'));
    expect(JSON.stringify(other.spec)).not.toContain('stash:test');
  });

  it('shows in a dry run what will be', async () => {
    await client.delete(deployments, 'shop', namespace).catch(() => {});
    const shop = await client.create<Loose>(deployments, deployment('shop'), { dryRun: true });
    expect(JSON.stringify(shop.spec)).toContain('"image":"stash:test"');
  });

  it('holds the agent in a pod to its own host', async () => {
    await client
      .create(resources.ServiceAccount as Resource, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', namespace },
      })
      .catch(() => {});
    const pod = await client.create(pods, {
      ...object(pods, 'shop-1', {
        containers: [{ name: 'app', image: 'busybox' }],
        serviceAccountName: 'default',
      }),
    });
    const uid = pod.metadata.uid ?? '';
    const agent = await clientOf({ namespace, name: 'default', pod: { name: 'shop-1', uid } });
    const unbound = await clientOf({ namespace, name: 'default' });
    const session = object(BACKUP_SESSIONS, 'now', { backupConfiguration: { name: 'right' } });
    await client.create(BACKUP_SESSIONS, session);
    const write = (as: Client, manager: string, status: object) =>
      as.apply<Loose>(
        BACKUP_SESSIONS,
        { ...object(BACKUP_SESSIONS, 'now', undefined), status } as ApiObject,
        { fieldManager: manager, force: true, subresource: 'status' },
      );
    const own = { host: 'host-0', phase: 'Running', startTime: '2026-01-01T00:00:00Z' };
    await expect
      .poll(async () => (await refusalOf(write(agent, 'stash-agent-host-0', { hosts: [own] }))).message)
      .toContain('is none of status.hosts');

    await write(asOperator, fieldManager, {
      phase: 'Running',
      hosts: [
        { host: 'host-0', podName: 'shop-1', podUID: uid },
        { host: 'host-1', podName: 'shop-2', podUID: 'other' },
      ],
    });
    const reported = await write(agent, 'stash-agent-host-0', { hosts: [own] });
    expect(reported.status).toMatchObject({
      phase: 'Running',
      hosts: [{ ...own, podUID: uid }, { host: 'host-1' }],
    });

    const refused: [Client, object, string][] = [
      [agent, { hosts: [own, { host: 'host-1', phase: 'Failed' }] }, "the host host-1 is another's"],
      [agent, { phase: 'Succeeded', hosts: [own] }, 'status.phase is not for an agent to change'],
      [agent, { hosts: [{ ...own, podUID: 'x' }] }, "podUID of the host host-0 is the operator's to say"],
      [unbound, { hosts: [own] }, 'without a token that is bound to a pod'],
    ];
    for (const [as, status, message] of refused) {
      const refusal = await refusalOf(write(as, 'stash-agent-host-0', status));
      expect(refusal.status).toBe(403);
      expect(refusal.message).toContain(message);
    }
    await write(asOperator, fieldManager, {
      phase: 'Failed',
      hosts: [
        { host: 'host-0', podName: 'shop-1', podUID: uid },
        { host: 'host-1', podName: 'shop-2', podUID: 'other' },
      ],
    });
    const late = await refusalOf(
      write(agent, 'stash-agent-host-0', { hosts: [{ ...own, phase: 'Succeeded' }] }),
    );
    expect(late.message).toContain('the session is over: it is Failed');
  });

  it('goes on with a renewed certificate, without a restart', async () => {
    const before = replica.certificate.current();
    // Past the end of this one, only a renewed one is good.
    await new Promise((resolve) => setTimeout(resolve, lifetime + 1_500));
    const after = replica.certificate.current();
    expect(after?.certificate).not.toBe(before?.certificate);
    expect(after?.authority).toBe(before?.authority);
    // It may be renewed once more between the two.
    await eventually(async () => {
      const { certificate, authority = '' } = replica.certificate.current() ?? {};
      expect(await shakeHands(url, authority)).toBe(certificate);
    });
    const refusal = await refusalOf(
      client.create(BACKUP_CONFIGURATIONS, configuration('wrong', { schedule: '61 * * * *' })),
    );
    expect(refusal.message).toContain('denied the request');
  });

  it("stands in no one's way when it is away: Deployments are created, and only objects of ours wait", async () => {
    await replica.server.close();
    const created = await client.create<Loose>(deployments, deployment('orphan'));
    expect(created.metadata.uid).toBeDefined();
    const refusal = await refusalOf(client.create(BACKUP_CONFIGURATIONS, configuration('waits')));
    expect(refusal.status).toBe(500);
    expect(refusal.message).toContain('failed calling webhook "objects.stash.appscode.com"');
  });
});

describe('the webhook, where nobody answers for it,', () => {
  const away = async () => {
    await register(asOperator, 'https://127.0.0.1:1', '');
    await eventually(async () => {
      const probe = configuration('waits');
      const refusal = await refusalOf(client.create(BACKUP_CONFIGURATIONS, probe, { dryRun: true }));
      expect(refusal.message).toContain('failed calling webhook "objects.stash.appscode.com"');
    });
  };
  beforeAll(away);

  it('keeps nothing that goes from going', async () => {
    const patch = (finalizers: string[] | null) =>
      client.mergePatch(BACKUP_CONFIGURATIONS, 'right', namespace, { metadata: { finalizers } });
    // As if one of ours were held.
    await unregister(connection);
    await eventually(() => patch(['example.org/held']));
    await client.delete(BACKUP_CONFIGURATIONS, 'right', namespace);
    await away();
    await expect(patch(null)).resolves.toBeDefined();
    await expect(client.get(BACKUP_CONFIGURATIONS, 'right', namespace)).rejects.toMatchObject({
      status: 404,
    });
  });

  it('lets the operator say what it has to of a session, and nobody else', async () => {
    const told = { ...object(BACKUP_SESSIONS, 'now', undefined), status: { phase: 'Failed' } } as ApiObject;
    const options = { fieldManager, force: true, subresource: 'status' } as const;
    await expect(asOperator.apply(BACKUP_SESSIONS, told, options)).resolves.toBeDefined();
    const refusal = await refusalOf(client.apply(BACKUP_SESSIONS, told, options));
    expect(refusal.message).toContain('failed calling webhook "reports.stash.appscode.com"');
  });
});

describe('the definitions, with the webhook away', () => {
  beforeAll(async () => {
    await unregister(connection);
    const probe = configuration('probe');
    await eventually(() => client.create(BACKUP_CONFIGURATIONS, probe, { dryRun: true }));
    await client.create(REPOSITORIES, repository('fixed'));
    await client.create(
      RESTORE_SESSIONS,
      object(RESTORE_SESSIONS, 'fixed', { repository: { name: 'shop' }, target }),
    );
  });

  const repository = (name: string, claimName = 'backups') =>
    object(REPOSITORIES, name, {
      backend: { local: { persistentVolumeClaim: { claimName } }, storageSecretName: 'secret' },
    });

  const wrong: [string, Resource, Loose, string][] = [
    [
      'a retention policy that keeps nothing',
      BACKUP_CONFIGURATIONS,
      configuration('wrong', { retentionPolicy: { prune: true } }),
      'a retention policy that keeps nothing would remove every snapshot',
    ],
    [
      'a directory with ".."',
      BACKUP_CONFIGURATIONS,
      configuration('wrong', { target: { ...target, directories: ['/data/../etc'] } }),
      'a directory is written without "." and ".."',
    ],
    [
      'a missing schedule',
      BACKUP_CONFIGURATIONS,
      configuration('wrong', { schedule: undefined }),
      'spec.schedule: Required value',
    ],
    [
      'a duration in days',
      BACKUP_CONFIGURATIONS,
      configuration('wrong', { timeout: '1d' }),
      'spec.timeout: Invalid value: "1d"',
    ],
    [
      'a relative mount path',
      REPOSITORIES,
      object(REPOSITORIES, 'wrong', {
        backend: {
          local: { persistentVolumeClaim: { claimName: 'c' }, mountPath: 'backup' },
          storageSecretName: 'secret',
        },
      }),
      'spec.backend.local.mountPath: Invalid value: "backup"',
    ],
  ];

  it.each(wrong)('refuse %s', async (_, resource, one, message) => {
    const refusal = await refusalOf(client.create(resource, one));
    expect(refusal.status).toBe(422);
    expect(refusal.message).toContain(message);
  });

  it('refuse another backend for a Repository that stands', async () => {
    const standing = await client.get<Loose>(REPOSITORIES, 'fixed', namespace);
    const changed = { ...standing, spec: repository('fixed', 'other').spec };
    expect((await refusalOf(client.replace(REPOSITORIES, changed))).message).toContain(
      'the backend of a Repository cannot be changed',
    );
  });

  it('refuse another target for a restore, and take its cancellation', async () => {
    const standing = await client.get<Loose>(RESTORE_SESSIONS, 'fixed', namespace);
    const { spec } = standing as { spec: object };
    const moved = { ...standing, spec: { ...spec, target: { ...target, directories: ['/other'] } } };
    expect((await refusalOf(client.replace(RESTORE_SESSIONS, moved))).message).toContain(
      'is one run and cannot be changed',
    );
    const cancelled = await client.replace<Loose>(RESTORE_SESSIONS, {
      ...standing,
      spec: { ...spec, cancel: true },
    } as Loose);
    expect(cancelled.spec).toMatchObject({ cancel: true });
  });
});
