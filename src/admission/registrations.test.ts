import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { fillIn, type Registration, readRegistrations, serverNames } from './registrations.ts';

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
      'reports.stash.appscode.com Fail 10 None Equivalent',
    ]);
    expect(webhooks(written)[0]?.reinvocationPolicy).toBe('IfNeeded');
  });

  it('point at the Service of the namespace that the operator runs in', () => {
    const options = { namespace: 'backup', address: { service: 'hook' }, authority };
    const filled = webhooks(written.map((one) => fillIn(one, options)));
    expect(filled.map(({ clientConfig }) => clientConfig)).toEqual(
      ['/mutate/workloads', '/validate/objects', '/validate/reports'].map((path) => ({
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

  it('point at a URL where the server is outside the cluster', () => {
    const address = { url: 'https://127.0.0.1:8443' };
    const filled = webhooks(
      written.map((one) => fillIn(one, { namespace: 'stash-system', address, authority })),
    );
    expect(filled.map(({ clientConfig }) => clientConfig)).toEqual([
      { url: 'https://127.0.0.1:8443/mutate/workloads', caBundle },
      { url: 'https://127.0.0.1:8443/validate/objects', caBundle },
      { url: 'https://127.0.0.1:8443/validate/reports', caBundle },
    ]);
  });

  it('are not written to', () => {
    const before = structuredClone(written);
    for (const one of written) fillIn(one, { namespace: 'x', address: { url: 'https://h' }, authority });
    expect(written).toEqual(before);
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
