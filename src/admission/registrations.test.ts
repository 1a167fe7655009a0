import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { fillIn, keepInjected, type Registration, readRegistrations, serverNames } from './registrations.ts';

const folder = fileURLToPath(new URL('../../webhook-config', import.meta.url));
const authority = '-----BEGIN CERTIFICATE-----';
const caBundle = Buffer.from(authority).toString('base64');
let written: Registration[];

beforeAll(async () => {
  written = await readRegistrations(folder);
});

const webhooks = (registrations: Registration[]) => registrations.flatMap((one) => one.webhooks);

describe('the registrations', () => {
  it('never let a workload wait for us, and let nothing wrong of ours pass', () => {
    const rules = webhooks(written).map(({ name, failurePolicy, timeoutSeconds, sideEffects, matchPolicy }) =>
      [name, failurePolicy, timeoutSeconds, sideEffects, matchPolicy].join(' '),
    );
    expect(rules).toEqual([
      'workloads.stash.appscode.com Ignore 5 None Equivalent',
      'objects.stash.appscode.com Fail 10 None Equivalent',
      'tasks.stash.appscode.com Fail 10 None Equivalent',
      'reports.stash.appscode.com Fail 10 None Equivalent',
    ]);
    expect(webhooks(written)[0]?.reinvocationPolicy).toBe('IfNeeded');
  });

  it('point at the Service of the namespace that the operator runs in', () => {
    const options = { namespace: 'backup', address: { service: 'hook' }, authority };
    const filled = webhooks(written.map((one) => fillIn(one, options)));
    expect(filled.map(({ clientConfig }) => clientConfig)).toEqual(
      ['/mutate/workloads', '/validate/objects', '/validate/tasks', '/validate/reports'].map((path) => ({
        service: { name: 'hook', namespace: 'backup', path, port: 443 },
        caBundle,
      })),
    );
  });

  it('leave out kube-system and that namespace', () => {
    const options = { namespace: 'backup', address: { service: 'hook' }, authority };
    const [mutating] = webhooks(written.map((one) => fillIn(one, options)));
    expect(mutating?.namespaceSelector?.matchExpressions).toEqual([
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', 'stash-system', 'backup'],
      },
    ]);
  });

  it('do not ask about what goes, nor about what the operator of that namespace reports', () => {
    const options = { namespace: 'backup', address: { service: 'hook' }, authority };
    const filled = webhooks(written.map((one) => fillIn(one, options)));
    const going = { name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' };
    expect(filled.map(({ matchConditions }) => matchConditions)).toEqual([
      undefined,
      ...[[going], [going]],
      [
        {
          name: 'not-the-operator',
          expression: "request.userInfo.username != 'system:serviceaccount:backup:stash-operator'",
        },
      ],
    ]);
  });

  it('point at a URL where the server is outside the cluster', () => {
    const address = { url: 'https://127.0.0.1:8443' };
    const filled = webhooks(
      written.map((one) => fillIn(one, { namespace: 'stash-system', address, authority })),
    );
    expect(filled.map(({ clientConfig }) => clientConfig)).toEqual([
      { url: 'https://127.0.0.1:8443/mutate/workloads', caBundle },
      { url: 'https://127.0.0.1:8443/validate/objects', caBundle },
      { url: 'https://127.0.0.1:8443/validate/tasks', caBundle },
      { url: 'https://127.0.0.1:8443/validate/reports', caBundle },
    ]);
  });

  it('say nothing of whom to trust where nobody knows', () => {
    const filled = webhooks(
      written.map((one) => fillIn(one, { namespace: 'x', address: { service: 'hook' }, authority: '' })),
    );
    expect(filled.some(({ clientConfig }) => 'caBundle' in clientConfig)).toBe(false);
  });

  it('are not written to', () => {
    const before = structuredClone(written);
    for (const one of written) fillIn(one, { namespace: 'x', address: { url: 'https://h' }, authority });
    expect(written).toEqual(before);
  });
});

describe('keepInjected', () => {
  const options = { namespace: 'stash-system', address: { service: 'hook' }, authority };
  const present = (annotations: Record<string, string>): Registration => {
    const [one] = written;
    if (one === undefined) throw new Error('there is no registration');
    const webhooks = one.webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle: 'injected' },
    }));
    return { ...one, metadata: { ...one.metadata, annotations, resourceVersion: '7' }, webhooks };
  };
  const filled = () => fillIn(present({}), options);

  it.each(['inject-ca-from', 'inject-ca-from-secret', 'inject-apiserver-ca'])(
    'leaves the caBundle to whoever is asked to write it: cert-manager.io/%s',
    (name) => {
      const kept = keepInjected(filled(), present({ [`cert-manager.io/${name}`]: 'x' }));
      expect(kept.webhooks[0]?.clientConfig.caBundle).toBe('injected');
      expect(kept.metadata.resourceVersion).toBe('7');
    },
  );

  it('writes its own where nobody else is asked, and until the other one has written', () => {
    expect(keepInjected(filled(), present({}))).toEqual(filled());
    expect(keepInjected(filled(), undefined)).toEqual(filled());
    const asked = present({ 'cert-manager.io/inject-ca-from': 'x' });
    const empty = { ...asked, webhooks: asked.webhooks.map((webhook) => ({ ...webhook, clientConfig: {} })) };
    expect(keepInjected(filled(), empty).webhooks[0]?.clientConfig.caBundle).toBe(caBundle);
  });
});

describe('serverNames', () => {
  const service = ['hook.backup.svc', 'hook.backup.svc.cluster.local'];
  const cases: [string | undefined, string[]][] = [
    [undefined, service],
    ['https://127.0.0.1:8443', [...service, '127.0.0.1']],
    ['https://[::1]:8443', [...service, '::1']],
    ['https://webhook.example.org', [...service, 'webhook.example.org']],
  ];

  it.each(cases)('has the names of the Service, and the host of %s', (url, names) => {
    expect(serverNames('hook', 'backup', url)).toEqual(names);
  });
});
