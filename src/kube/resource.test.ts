import { expect, test } from 'vitest';
import { apiVersionOf } from '../api/resources.ts';
import { deployments, mutatingWebhookConfigurations, pathOf, pods } from './resource.ts';

test.each([
  [pods, {}, '/api/v1/pods'],
  [pods, { namespace: 'ns' }, '/api/v1/namespaces/ns/pods'],
  [deployments, { namespace: 'ns', name: 'web' }, '/apis/apps/v1/namespaces/ns/deployments/web'],
  [
    deployments,
    { namespace: 'ns', name: 'web', subresource: 'scale' },
    '/apis/apps/v1/namespaces/ns/deployments/web/scale',
  ],
  [
    mutatingWebhookConfigurations,
    { name: 'stash', namespace: 'is left out' },
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/stash',
  ],
  [
    pods,
    { namespace: 'a/../../secrets', name: '../x?y#z' },
    '/api/v1/namespaces/a%2F..%2F..%2Fsecrets/pods/..%2Fx%3Fy%23z',
  ],
])('$plural at %o has its path, and every part of it is escaped', (resource, at, path) => {
  expect(pathOf(resource, at)).toBe(path);
});

test.each(['', '.', '..'])("the name '%s', which would lead to the collection, is refused", (name) => {
  expect(() => pathOf(pods, { namespace: 'ns', name })).toThrow('is no name');
  expect(() => pathOf(pods, { namespace: name, name: 'x' })).toThrow('is no name');
});

test('one object of a namespaced kind needs a namespace', () => {
  expect(() => pathOf(pods, { name: 'x' })).toThrow('Pod x: its namespace is missing');
});

test('the core group has no name in an apiVersion', () => {
  expect([pods, deployments].map(apiVersionOf)).toEqual(['v1', 'apps/v1']);
});
