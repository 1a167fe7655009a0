import { describe, expect, it } from 'vitest';
import type { Resource } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { agentRoleBindings } from './agent-role-bindings.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { aConfiguration, aRepository, aWorkload } from './objects.fixture.ts';

describe('the right to report', () => {
  it.each([
    ['a ServiceAccount', 'bad'],
    ['the account of CronJobs', 'stash-trigger'],
  ])('is given to all agents though that of %s is refused, which is told then', async (_, refused) => {
    const caches = createCaches();
    const task = (name: string) =>
      aConfiguration({
        metadata: { name },
        spec: {
          task: { name: 'volume-backup' },
          runtimeSettings: { pod: { serviceAccountName: name } },
          scheduler: 'CronJob',
        },
      });
    for (const each of ['bad', 'good'].map(task)) caches.configurations.set(each);
    caches.repositories.set(aRepository());
    caches.configurations.set(aConfiguration());
    caches.workloads.of('Deployment').set(aWorkload());
    const granted: string[] = [];
    const refusal = new ApiError(422, { reason: 'Invalid' });
    const client = {
      list: () => Promise.resolve([]),
      get: () => Promise.reject(new ApiError(404, { reason: 'NotFound' })),
      apply: (_resource: Resource, { metadata }: ApiObject) =>
        metadata.name === refused ? Promise.reject(refusal) : Promise.resolve(),
      create: (_resource: Resource, binding: ApiObject & { subjects: { name: string }[] }) => {
        const [subject] = binding.subjects;
        if (subject?.name === refused) return Promise.reject(refusal);
        granted.push(subject?.name ?? '');
        return Promise.resolve(binding);
      },
    } as unknown as Client;
    const context = { client, caches, log: { info: () => {} } } as unknown as Context;
    await expect(agentRoleBindings(context)('demo')).rejects.toBe(refusal);
    const all = ['bad', 'default', 'good', 'stash-trigger'];
    expect(granted.sort()).toEqual(all.filter((each) => each !== refused));
  });
});
