import { describe, expect, it } from 'vitest';
import { decideAbsence, freeze, PATIENCE, retainerOf } from './backup-hosts.ts';
import { aWorkload } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import type { WorkloadHost } from './workload-hosts.ts';

const statefulSet = aWorkload({ kind: 'StatefulSet', spec: { replicas: 2 } });
const there = (host: string): WorkloadHost => ({ host, pod: aPod(`pod-of-${host}`) });
const missing: WorkloadHost = { host: 'host-1', missing: 'there is no pod shop-1' };
const after = (milliseconds: number) => () => milliseconds;

describe('a session whose hosts do not all have an agent', () => {
  it('starts at once where all have', () => {
    expect(decideAbsence(statefulSet, [there('host-0'), there('host-1')], after(0))).toBeUndefined();
  });

  it('waits where none has, however long', () => {
    expect(decideAbsence(statefulSet, [missing], after(PATIENCE * 100))).toMatchObject({
      kind: 'Wait',
      reason: 'NoAgent',
    });
    expect(decideAbsence(statefulSet, [], after(0))).toMatchObject({ kind: 'Wait', reason: 'NoAgent' });
  });

  it('waits for the others as long as one comes every now and then, and starts without those that do not', () => {
    const seen = [there('host-0'), missing];
    expect(decideAbsence(statefulSet, seen, after(PATIENCE - 1))).toEqual({
      kind: 'Wait',
      reason: 'HostsMissing',
      message: '1 of 2 hosts have no agent yet: host-1: there is no pod shop-1',
    });
    expect(decideAbsence(statefulSet, seen, after(PATIENCE))).toBeUndefined();
  });

  it('counts the time anew when another pod has an agent', () => {
    const asked: string[] = [];
    const remember = (acting: string) => asked.push(acting);
    decideAbsence(statefulSet, [there('host-0'), missing], remember);
    decideAbsence(statefulSet, [there('host-0'), there('host-2'), missing], remember);
    expect(new Set(asked).size).toBe(2);
  });

  it('fails where there are more than its status has room for', () => {
    const many = Array.from({ length: 1025 }, (_, index) => there(`host-${index}`));
    expect(decideAbsence(statefulSet, many, after(0))).toMatchObject({ kind: 'End', reason: 'TooManyHosts' });
  });

  it('has those without an agent Failed from its start', () => {
    expect(freeze([there('host-0'), missing], '2026-11-22T17:30:00Z')).toEqual([
      { host: 'host-0', podName: 'pod-of-host-0', podUID: 'uid of pod-of-host-0' },
      {
        host: 'host-1',
        phase: 'Failed',
        reason: 'NoAgent',
        message: 'there is no pod shop-1',
        completionTime: '2026-11-22T17:30:00Z',
      },
    ]);
  });
});

describe('the retention policy', () => {
  const host = (name: string, reason?: string) => ({
    host: name,
    phase: reason === undefined ? ('Succeeded' as const) : ('Failed' as const),
    ...(reason !== undefined && { reason }),
  });

  it.each([
    ['by a host that succeeded', [host('a', 'SomeFilesUnreadable'), host('b')], 'b'],
    [
      'where all snapshots are incomplete, or they would pile up',
      [host('a', 'PodGone'), host('b', 'SomeFilesUnreadable')],
      'b',
    ],
    ['where a directory is excluded itself', [host('a', 'DirectoryNotInSnapshot')], 'a'],
    [
      'not at all where no snapshot was made',
      [host('a', 'PodGone'), host('b', 'NotMarkedIncomplete')],
      undefined,
    ],
  ])('is applied %s', (_, hosts, expected) => {
    expect(retainerOf(hosts)).toBe(expected);
  });
});
