import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BACKUP_CONFIGURATIONS } from '../../../src/api/resources.ts';
import { SIDECAR } from '../../../src/injection/layout.ts';
import { deployments, pods } from '../../../src/kube/resource.ts';
import { client, identities, type Pod, until, useNamespace } from '../cluster.ts';
import { kubectl } from '../kubectl.ts';
import { backupConfiguration, DATA, deployment, repository, type Workload } from '../objects.ts';

/* What the workloads of a cluster notice of a rolling update of the operator: nothing. */

const namespace = useNamespace('e2e-operator-update');
const perSecond = 50;
/**
 * Every so many of the Deployments is backed up, and stays. The others are created as a dry run: they pass through the whole of
 * admission, and leave the one node of the test no thousands of objects to work on.
 */
const wantedEvery = 25;
/** Longer than any update takes. */
const longestSeconds = 300;
const stash = ['-n', 'stash-system', 'deployment/stash'];

const operators = () =>
  client.list<Pod>(pods, {
    namespace: 'stash-system',
    labelSelector: 'app.kubernetes.io/component=operator',
  });

const hasSidecar = ({ spec }: Workload) =>
  spec.template.spec.containers.some((container) => container.name === SIDECAR);

const nameOf = (serial: number) => `wave-${String(serial).padStart(4, '0')}`;

/** Until `whole` is there: all replicas ready, none of them old. */
async function rolledOut(): Promise<void> {
  await kubectl('rollout', 'status', ...stash, `--timeout=${longestSeconds - 20}s`);
}

describe('a rolling update of the operator', () => {
  it(`fails none of ${perSecond} workload creations a second, and leaves none without its sidecar`, async () => {
    await namespace.apply(repository('waves'));
    const most = perSecond * longestSeconds;
    for (let serial = 0; serial < most; serial += wantedEvery) {
      const name = nameOf(serial);
      await namespace.apply(backupConfiguration(name, { repository: { name: 'waves' } }));
    }
    const before = (await operators()).map(({ metadata }) => metadata.uid);

    const failures: string[] = [];
    const withoutAtOnce: string[] = [];
    const reviewFailures: string[] = [];
    const wanted: string[] = [];
    let answered = 0;
    const pending = new Set<Promise<void>>();
    const track = (work: Promise<void>) => {
      pending.add(work);
      void work.finally(() => pending.delete(work));
    };
    const create = async (serial: number): Promise<void> => {
      const name = nameOf(serial);
      const object = deployment(name, { replicas: 0 });
      const isWanted = serial % wantedEvery === 0;
      try {
        const metadata = { ...object.metadata, namespace: namespace.name };
        const workload = { ...object, metadata } as Workload;
        const made = await client.create<Workload>(deployments, workload, { dryRun: !isWanted });
        answered += 1;
        if (isWanted) wanted.push(name);
        if (isWanted && !hasSidecar(made)) withoutAtOnce.push(name);
      } catch (error) {
        failures.push(`${name}: ${String(error)}`);
      }
    };
    const review = async (serial: number): Promise<void> => {
      const object = backupConfiguration(`review-${serial}`, { repository: { name: 'waves' } });
      const metadata = { ...object.metadata, namespace: namespace.name };
      await client
        .create(BACKUP_CONFIGURATIONS, { ...object, metadata }, { dryRun: true })
        .catch((error: unknown) => reviewFailures.push(String(error)));
    };

    await kubectl('rollout', 'restart', ...stash);
    const updated = rolledOut();
    let isUpdated = false;
    updated.then(
      () => {
        isUpdated = true;
      },
      () => {},
    );
    const began = performance.now();
    let serial = 0;
    // The old replicas drain for a while after the new ones are ready.
    for (let end = Number.POSITIVE_INFINITY; performance.now() < end && serial < most; ) {
      if (isUpdated && end === Number.POSITIVE_INFINITY) end = performance.now() + 15_000;
      const due = Math.min(most, Math.floor(((performance.now() - began) / 1000) * perSecond));
      for (; serial < due; serial++) {
        track(create(serial));
        if (serial % perSecond === 0) track(review(serial));
      }
      await sleep(10);
    }
    await updated;
    await Promise.all(pending);
    const rate = answered / ((performance.now() - began) / 1000);

    expect(failures).toEqual([]);
    expect(reviewFailures).toEqual([]);
    expect(rate).toBeGreaterThan(perSecond * 0.2);
    const after = (await operators()).map(({ metadata }) => metadata.uid);
    expect(after.some((uid) => before.includes(uid))).toBe(false);
    expect(wanted.length).toBeGreaterThan(10);
    await until('a sidecar in each that should have one', namespace.name, async () => {
      const all = await namespace.list<Workload>(deployments);
      const lacking = all.filter((each) => wanted.includes(each.metadata.name) && !hasSidecar(each));
      return lacking.length === 0 || undefined;
    });
    // The webhook answers all the while: the operator has nothing to mend.
    expect(withoutAtOnce).toEqual([]);
  });
});

describe('an upgrade of the image', () => {
  const name = 'settled';
  /** What the sidecar has before it. */
  let image: string | undefined;

  beforeAll(async () => {
    await namespace.apply(
      repository(name),
      backupConfiguration(name),
      deployment(name, { replicas: 2, seed: `echo precious > ${DATA}/file` }),
    );
    await namespace.settledWithSidecar(name);
    const { spec } = await namespace.deployment(name);
    image = spec.template.spec.containers.find((container) => container.name === SIDECAR)?.image;
  });

  afterAll(async () => {
    if (image === undefined) return;
    await kubectl('set', 'env', ...stash, `STASH_IMAGE=${image}`);
    await rolledOut();
  });

  it('rolls no workload out, and is what the next one gets that is changed anyway', async () => {
    const before = await namespace.deployment(name);
    const pods = identities(await namespace.settled(name));
    await kubectl('set', 'env', ...stash, 'STASH_IMAGE=stash:upgraded');
    await rolledOut();
    // Each replica looks at every workload as it begins to lead; a touch of the object passes through the webhook.
    await sleep(5_000);
    await namespace.patch(deployments, name, { metadata: { labels: { touched: 'yes' } } });
    const after = await namespace.deployment(name);
    expect(after.spec).toEqual(before.spec);
    expect(identities(await namespace.settled(name))).toEqual(pods);

    await namespace.apply(
      deployment('newer', { replicas: 0 }),
      repository('newer'),
      backupConfiguration('newer'),
    );
    const newer = await namespace.until('the sidecar', async () => {
      const found = await namespace.deployment('newer');
      return hasSidecar(found) ? found : undefined;
    });
    const sidecar = newer.spec.template.spec.containers.find((container) => container.name === SIDECAR);
    expect(sidecar?.image).toBe('stash:upgraded');
  });
});
