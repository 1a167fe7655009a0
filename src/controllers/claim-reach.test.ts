import { describe, expect, it } from 'vitest';
import type { Pod } from './agent-pods.ts';
import { createCaches } from './caches.ts';
import { candidatesFor, decideReach, isOfOneNode, maySpread, mountsClaim } from './claim-reach.ts';
import { aConfiguration, aRepository, aWorkload } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import { keyOfWorkload } from './workload-caches.ts';

const claim = (...accessModes: string[]) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'backups', namespace: 'demo' },
  spec: { accessModes },
  status: { phase: 'Bound' },
});
const volumes = [{ name: 'x', persistentVolumeClaim: { claimName: 'backups' } }];
const template = { spec: { volumes } } as object;
const shop = (replicas = 1, more: object = {}) => aWorkload({ spec: { replicas, ...more } });
const blog = (replicas = 1) => aWorkload({ metadata: { name: 'blog', uid: 'blog-uid' }, spec: { replicas } });

let serial = 0;
/** A pod of the Deployment `of`, on `node`; with the claim where `holds` is said. */
function on(node: string | undefined, of = 'shop', holds = false, phase = 'Running'): Pod {
  const pod = aPod(`${of}-abc-${serial++}`, { phase, ...(node !== undefined && { node }) });
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { 'pod-template-hash': 'abc' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${of}-abc`, uid: 'x', controller: true },
      ],
    },
    spec: { ...pod.spec, ...(holds && { volumes }) },
  };
}

describe('isOfOneNode', () => {
  it.each([
    [['ReadWriteOnce'], true],
    [['ReadWriteOnce', 'ReadOnlyMany'], true],
    [['ReadWriteMany'], false],
    [['ReadWriteOnce', 'ReadWriteMany'], false],
    [['ReadWriteOncePod'], false],
  ])('%j: %s', (modes, expected) => {
    expect(isOfOneNode(claim(...modes))).toBe(expected);
  });
});

describe('maySpread', () => {
  it.each([
    ['one replica', shop(1), false],
    ['none', shop(0), false],
    ['the default of replicas', { kind: 'StatefulSet', spec: {} }, false],
    ['two replicas', shop(2), true],
    ['a DaemonSet', { kind: 'DaemonSet', spec: {} }, true],
  ])('with %s', (_, workload, expected) => {
    expect(maySpread(workload)).toBe(expected);
  });
});

describe('decideReach', () => {
  const one = [shop()];
  const three = [shop(3)];
  const both = [blog(), shop()];

  it.each<[string, Parameters<typeof decideReach>[2], Pod[], object]>([
    ['one pod is on a node', one, [on('a')], { can: 'Mount' }],
    ['one pod is nowhere yet', one, [on(undefined)], { can: 'Mount' }],
    ['all pods are on one node', three, [on('a'), on('a')], { can: 'Mount', warning: expect.any(String) }],
    ['an ended pod was on another', one, [on('a'), on('b', 'shop', false, 'Failed')], { can: 'Mount' }],
    ['another workload has the claim there', both, [on('a'), on('a', 'blog', true)], { can: 'Mount' }],
    [
      'another that wants the claim is on two nodes',
      both,
      [on('a'), on('b', 'blog'), on('c', 'blog')],
      { can: 'Mount' },
    ],
    ['another pod is elsewhere, without the claim', one, [on('a'), on('b', 'other')], { can: 'Mount' }],
  ])('the claim can be mounted where %s', (_, candidates, pods, expected) => {
    expect(decideReach('backups', candidates.at(-1) ?? shop(), candidates, pods)).toEqual(expected);
  });

  it.each<[string, Parameters<typeof decideReach>[2], Pod[], RegExp]>([
    ['its pods are on two nodes', three, [on('b'), on('a')], /"shop" has pods on the nodes a, b;/],
    [
      'another workload has the claim elsewhere',
      both,
      [on('a'), on('b', 'blog', true)],
      /needed on the node b, while .* on the node a/,
    ],
    ['a pod of nobody has it elsewhere', one, [on('a'), on('b', 'import', true)], /needed on the node b/],
    ['another that is to have it comes first', both, [on('a'), on('b', 'blog')], /needed on the node b/],
  ])('it cannot where %s', (_, candidates, pods, message) => {
    expect(decideReach('backups', candidates.at(-1) ?? shop(), candidates, pods)).toEqual({
      can: 'Not',
      reason: 'ClaimNotShareable',
      message: expect.stringMatching(message),
    });
  });

  it('gives the claim to one of two workloads on two nodes, whoever is asked first', () => {
    const pods = [on('a'), on('b', 'blog')];
    const answers = both.map((workload) => decideReach('backups', workload, both, pods).can);
    expect(answers).toEqual(['Mount', 'Not']);
  });

  it('is not known where several pods are nowhere yet', () => {
    expect(decideReach('backups', shop(3), three, [on(undefined)])).toMatchObject({
      reason: 'PlacementUnknown',
    });
  });

  it('takes nothing from a workload that has the claim, and tells what is wrong', () => {
    const carrying = shop(3, { template });
    expect(mountsClaim(carrying, 'backups')).toBe(true);
    expect(
      decideReach('backups', carrying, [carrying], [on('a', 'shop', true), on('b', 'shop', true)]),
    ).toEqual({
      can: 'Mount',
      fault: expect.stringContaining('has pods on the nodes a, b'),
    });
    expect(decideReach('backups', carrying, [carrying], [on(undefined)])).toEqual({ can: 'Mount' });
  });
});

describe('candidatesFor', () => {
  it('are the workloads of all configurations of all Repositories on the claim, each once and in order', () => {
    const caches = createCaches();
    for (const name of ['repo', 'again']) caches.repositories.set(aRepository({ metadata: { name } }));
    const target = (name: string) => ({
      target: { ref: { apiVersion: 'apps/v1' as const, kind: 'Deployment' as const, name } },
    });
    const configurations = [
      aConfiguration({ metadata: { name: '1' }, spec: target('shop') }),
      aConfiguration({ metadata: { name: '2' }, spec: { ...target('blog'), repository: { name: 'again' } } }),
      aConfiguration({ metadata: { name: '3' }, spec: target('shop') }),
      aConfiguration({
        metadata: { name: '4' },
        spec: { ...target('other'), repository: { name: 'elsewhere' } },
      }),
      aConfiguration({ metadata: { name: '5' }, spec: target('gone') }),
    ];
    for (const each of configurations) caches.configurations.set(each);
    for (const each of [shop(), blog(), aWorkload({ metadata: { name: 'other' } })])
      caches.workloads.of('Deployment').set(each);
    expect(candidatesFor(caches, 'demo', 'backups').map(keyOfWorkload)).toEqual([
      'demo/Deployment/blog',
      'demo/Deployment/shop',
    ]);
  });
});
