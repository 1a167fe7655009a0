import { beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import type { Repository } from '../../src/api/repository.ts';
import { REPOSITORIES } from '../../src/api/resources.ts';
import { jobs } from '../../src/kube/resource.ts';
import { useNamespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';
import { backupConfiguration, backupSession, DATA, deployment, repository } from './objects.ts';

/* A repository that is checked by a Job, on a schedule of its own. */

const namespace = useNamespace('e2e-integrity');
const name = 'checked';

beforeAll(async () => {
  await namespace.apply(
    repository(name),
    backupConfiguration(name),
    deployment(name, { seed: `echo precious > ${DATA}/file` }),
  );
  await namespace.settledWithSidecar(name);
  await namespace.apply(backupSession('first', name));
  await namespace.backupEnded('first', 'Succeeded');
});

const integrity = ({ status }: Repository) => findCondition(status?.conditions, 'Integrity');

describe('the integrity of a repository', () => {
  it('is found out by a Job, which counts what is in it, and is shown by kubectl', async () => {
    await namespace.patch(REPOSITORIES, name, {
      spec: { integrityCheck: { schedule: '@every 10s', readDataSubset: '100%' } },
    });
    const found = await namespace.until('a sound repository', async () => {
      const now = await namespace.get<Repository>(REPOSITORIES, name);
      return integrity(now)?.status === 'True' ? now : undefined;
    });
    expect(found.status).toMatchObject({ snapshotCount: 1 });
    expect(found.status?.size).toMatch(/^[0-9.]+ (B|KiB)$/);
    const shown = await kubectl('get', 'repository', '-n', namespace.name, name);
    expect(shown).toMatch(/SNAPSHOTS +SIZE +INTEGRITY/);
  });

  it('is False when the storage has lost a part of it', async () => {
    const pod = await namespace.podOf(name);
    // The agent's own mount of the claim is the one that can be written to.
    await namespace.node(
      pod,
      `const { readdirSync, rmSync, statSync } = require('node:fs');
       const packs = process.argv[1] + '/data';
       for (const each of readdirSync(packs, { recursive: true }))
         if (statSync(packs + '/' + each).isFile()) rmSync(packs + '/' + each);`,
      undefined,
      `/stash/repositories/${name}/${name}`,
    );
    const damaged = await namespace.until(
      'the damage',
      async () => {
        const now = await namespace.get<Repository>(REPOSITORIES, name);
        return integrity(now)?.status === 'False' ? now : undefined;
      },
      240,
    );
    expect(integrity(damaged)).toMatchObject({ reason: 'Damaged' });
    await namespace.patch(REPOSITORIES, name, { spec: { integrityCheck: null } });
    const owned = await namespace.list(jobs);
    expect(owned.length).toBeGreaterThan(1);
    expect(owned.every(({ metadata }) => metadata.ownerReferences?.[0]?.name === name)).toBe(true);
  });
});
