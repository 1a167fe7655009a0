import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { kubeconfigEndpoint } from './kubeconfig.ts';

async function kubeconfig(token: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  const file = join(directory, 'config');
  await writeFile(file, configWith(token));
  vi.stubEnv('KUBECONFIG', file);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });
  return file;
}

function configWith(token: string): string {
  return `
apiVersion: v1
kind: Config
clusters:
- { name: near, cluster: { server: "https://near.test:6443", certificate-authority-data: bmVhcg== } }
- { name: far, cluster: { server: "https://far.test", tls-server-name: far } }
users:
- { name: token, user: { token: ${token} } }
- { name: certificate, user: { client-certificate-data: Y2VydA==, client-key-data: a2V5 } }
- name: exec
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: echo
      args: ['{"status":{"token":"from the plugin"}}']
contexts:
- { name: near, context: { cluster: near, user: token } }
- { name: far, context: { cluster: far, user: certificate } }
- { name: plugin, context: { cluster: near, user: exec } }
current-context: near
`;
}

test('the current context says where the server is and who asks', async () => {
  await kubeconfig('secret');
  const endpoint = kubeconfigEndpoint();
  expect(endpoint.server).toBe('https://near.test:6443');
  const { ca, headers, agent } = await endpoint.credentials(false);
  expect([String(ca), headers, agent]).toEqual(['near', { Authorization: 'Bearer secret' }, undefined]);
});

test('another context can be asked for', async () => {
  await kubeconfig('secret');
  const endpoint = kubeconfigEndpoint({ context: 'far' });
  expect(endpoint.server).toBe('https://far.test');
  const { cert, key, servername } = await endpoint.credentials(false);
  expect([String(cert), String(key), servername]).toEqual(['cert', 'key', 'far']);
});

test('a context that is not there is named, with those that are', async () => {
  await kubeconfig('secret');
  expect(() => kubeconfigEndpoint({ context: 'nowhere' })).toThrow(
    'the kubeconfig has no context nowhere; it has near, far, plugin',
  );
});

test('an exec plugin gives the token', async () => {
  await kubeconfig('secret');
  const { headers } = await kubeconfigEndpoint({ context: 'plugin' }).credentials(false);
  expect(headers).toEqual({ Authorization: 'Bearer from the plugin' });
});

test('what the server refused is read anew from the file', async () => {
  const file = await kubeconfig('old');
  const endpoint = kubeconfigEndpoint();
  await writeFile(file, configWith('new'));
  expect((await endpoint.credentials(false)).headers).toEqual({ Authorization: 'Bearer old' });
  expect((await endpoint.credentials(true)).headers).toEqual({ Authorization: 'Bearer new' });
});
