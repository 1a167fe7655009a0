import { expect, it } from 'vitest';
import { createCaches } from './caches.ts';
import { aRepository } from './objects.fixture.ts';
import { forbiddenVolume } from './volume-policy.ts';

const hostPath = { path: '/var/backups' };
const nfs = { server: 'nas', path: '/backups' };
const claim = { claimName: 'backups' };

it.each([
  ['a claim at restricted', { persistentVolumeClaim: claim }, 'restricted', false, undefined],
  ['an export', { nfs }, undefined, false, undefined],
  ['an export at baseline', { nfs }, 'baseline', false, undefined],
  ['an export at restricted', { nfs }, 'restricted', true, 'PodSecurityForbids'],
  ['a hostPath', { hostPath }, undefined, false, 'HostPathNotAllowed'],
  ['a hostPath with the switch', { hostPath }, undefined, true, undefined],
  ['a hostPath with the switch at privileged', { hostPath }, 'privileged', true, undefined],
  ['a hostPath with the switch at baseline', { hostPath }, 'baseline', true, 'PodSecurityForbids'],
  ['a hostPath at baseline', { hostPath }, 'baseline', false, 'HostPathNotAllowed'],
])('of %s the policy says what is right', (_, local, level, allowHostPath, reason) => {
  const caches = createCaches();
  const labels = level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level };
  caches.namespaces.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo', labels } });
  const repository = aRepository();
  repository.spec.backend = { local, storageSecretName: 'secret' };
  expect(forbiddenVolume({ caches, allowHostPath }, repository)?.reason).toBe(reason);
});
