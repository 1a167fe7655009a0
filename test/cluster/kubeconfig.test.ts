import { X509Certificate } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { kubeconfig } from './kubeconfig.ts';
import { createPki } from './pki.ts';

test('a kubeconfig holds all that a client needs, and names no file', async () => {
  const pki = await createPki();
  const config = new KubeConfig();
  config.loadFromString(
    kubeconfig('https://192.0.2.1:6443', pki.authority.certificate, 'admin', pki.users.admin),
  );
  expect(config.getCurrentCluster()?.server).toBe('https://192.0.2.1:6443');
  const decoded = (text = '') => Buffer.from(text, 'base64').toString();
  expect(decoded(config.getCurrentCluster()?.caData)).toBe(pki.authority.certificate);
  expect(decoded(config.getCurrentUser()?.keyData)).toBe(pki.users.admin.key);
  const certificate = new X509Certificate(decoded(config.getCurrentUser()?.certData));
  expect(certificate.subject).toContain('O=system:masters');
  expect(certificate.verify(new X509Certificate(pki.authority.certificate).publicKey)).toBe(true);
});

test('the API server is known by every name that clients use', async () => {
  const { server } = await createPki();
  const certificate = new X509Certificate(server.certificate);
  for (const host of ['localhost', 'kubernetes.default.svc']) expect(certificate.checkHost(host)).toBe(host);
  for (const ip of ['127.0.0.1', '192.0.2.1', '10.96.0.1']) expect(certificate.checkIP(ip)).toBe(ip);
});
