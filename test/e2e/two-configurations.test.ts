import { describe, expect, it } from 'vitest';
import { SIDECAR } from '../../src/injection/layout.ts';
import { snapshots } from './agent.ts';
import { identities, type Pod, useNamespace } from './cluster.ts';
import {
  backupConfiguration,
  backupSession,
  claim,
  DATA,
  deployment,
  repository,
  restoreSession,
} from './objects.ts';
import { targetOf } from './workload-kinds.ts';

const demo = useNamespace('two-configurations');
const name = 'shop';
const target = targetOf('Deployment', name);
const directory = (sub: string) => ({ ...target, directories: [`${DATA}/${sub}`] });

describe('two configurations of one workload, with two repositories', () => {
  let pod: Pod;

  it('have one sidecar', async () => {
    const seed = `mkdir -p ${DATA}/a ${DATA}/b; echo a > ${DATA}/a/file; echo b > ${DATA}/b/file`;
    await demo.apply(claim('data'), deployment(name, { seed, claim: 'data' }));
    await demo.settled(name);
    await demo.apply(
      repository('near'),
      repository('far'),
      backupConfiguration('hourly', { repository: { name: 'near' }, target: directory('a') }),
      backupConfiguration('weekly', { repository: { name: 'far' }, target: directory('b') }),
    );
    pod = await demo.until('a pod that serves both', async () => {
      const [only, ...others] = await demo.settled(name);
      const args = only?.spec.containers.flatMap((each) => ('args' in each ? (each.args as string[]) : []));
      const serves = ['hourly', 'weekly'].every((each) => args?.includes(`--configuration=${each}`));
      return serves && others.length === 0 ? only : undefined;
    });
    expect(pod.spec.containers.filter((container) => container.name === SIDECAR)).toHaveLength(1);
  });

  it('are backed up each by itself, at the same time, each into its own repository', async () => {
    await demo.apply(backupSession('of-hourly', 'hourly'), backupSession('of-weekly', 'weekly'));
    const [hourly, weekly] = await Promise.all([
      demo.backupEnded('of-hourly', 'Succeeded'),
      demo.backupEnded('of-weekly', 'Succeeded'),
    ]);
    const [near] = await snapshots(demo, pod, { name: 'near' });
    const [far] = await snapshots(demo, pod, { name: 'far' });
    expect(near?.paths).toEqual([`${DATA}/a`]);
    expect(far?.paths).toEqual([`${DATA}/b`]);
    expect(hourly.status?.stats?.map(({ snapshot }) => snapshot)).toEqual([near?.short_id]);
    expect(weekly.status?.stats?.map(({ snapshot }) => snapshot)).toEqual([far?.short_id]);
    expect(identities(await demo.podsOf(name))).toEqual(identities([pod]));
  });

  it('are restored one after the other, where both are asked for at once', async () => {
    await demo.sh(pod, `echo lost > ${DATA}/a/file; rm ${DATA}/b/file`);
    // The container writes its files as it starts: only what was restored before is to be seen.
    await demo.apply(deployment(name, { claim: 'data' }));
    await demo.settled(name);
    await demo.apply(
      restoreSession('a', 'near', { target: directory('a') }),
      restoreSession('b', 'far', { target: directory('b') }),
    );
    const [a, b] = await Promise.all([
      demo.restoreEnded('a', 'Succeeded', 240),
      demo.restoreEnded('b', 'Succeeded', 240),
    ]);
    const [first, second] = [a, b].sort((x, y) =>
      (x.status?.startTime ?? '').localeCompare(y.status?.startTime ?? ''),
    );
    expect(Date.parse(second?.status?.startTime ?? '')).toBeGreaterThanOrEqual(
      Date.parse(first?.status?.completionTime ?? ''),
    );
    const [restored] = (await demo.settled(name)) as [Pod];
    expect(await demo.sh(restored, `cat ${DATA}/a/file ${DATA}/b/file`)).toBe('a\nb');
  });
});
