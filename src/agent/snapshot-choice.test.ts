import { describe, expect, it } from 'vitest';
import type { RestoreSession, RestoreSessionSpec } from '../api/restore-session.ts';
import type { Snapshot } from '../restic/output.ts';
import { INCOMPLETE_TAG, tagsOf } from '../restic/tags.ts';
import { choose, describePassedOver, noSnapshot, type Source, sourceOf } from './snapshot-choice.ts';

const session = (difference: Partial<RestoreSessionSpec> = {}): RestoreSession => ({
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'RestoreSession',
  metadata: { name: 'back', namespace: 'demo' },
  spec: {
    repository: { name: 'repo' },
    target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }, directories: ['/data'] },
    mode: 'Overlay',
    timeout: '1h',
    cancel: false,
    ...difference,
  },
});
const own = { repository: 'repo', namespace: 'demo', target: { kind: 'Deployment', name: 'shop' } };

describe('sourceOf', () => {
  const cases: [string, Partial<RestoreSessionSpec>, Source][] = [
    ['its own, where nothing is said', {}, { ...own, host: 'host-1' }],
    [
      'those of another target',
      { source: { kind: 'StatefulSet', name: 'old' } },
      { ...own, target: { kind: 'StatefulSet', name: 'old' }, host: 'host-1' },
    ],
    [
      'those of the same target in another namespace',
      { source: { namespace: 'live' } },
      { ...own, namespace: 'live', host: 'host-1' },
    ],
    [
      'those of a configuration, whatever it backed up',
      { source: { backupConfiguration: 'nightly' } },
      { repository: 'repo', namespace: 'demo', configuration: 'nightly', host: 'host-1' },
    ],
    [
      'those that a configuration made of a target',
      { source: { backupConfiguration: 'nightly', kind: 'Deployment', name: 'shop' } },
      { ...own, configuration: 'nightly', host: 'host-1' },
    ],
    [
      'those of the rule that names the host, wherever it stands',
      { rules: [{ sourceHost: 'host-7' }, { targetHosts: ['host-1'], sourceHost: 'host-3' }] },
      { ...own, host: 'host-3' },
    ],
    [
      'those of the rule that names none, where no other names the host',
      { rules: [{ targetHosts: ['host-0'], sourceHost: 'host-3' }, { sourceHost: 'host-7' }] },
      { ...own, host: 'host-7' },
    ],
    [
      'its own, where rules are about others',
      { rules: [{ targetHosts: ['host-0'], sourceHost: 'host-3' }] },
      { ...own, host: 'host-1' },
    ],
    [
      'named snapshots of whichever host',
      { rules: [{ snapshots: ['40dc1520'] }] },
      { ...own, ids: ['40dc1520'] },
    ],
    [
      'the newest of its own before an instant',
      { rules: [{ before: '2026-11-22T18:00:00Z' }] },
      { ...own, host: 'host-1', before: Date.parse('2026-11-22T18:00:00Z') },
    ],
  ];
  it.each(cases)('takes %s', (_, difference, expected) => {
    expect(sourceOf(session(difference), 'demo', 'host-1')).toEqual(expected);
  });
});

describe('noSnapshot', () => {
  it('says what was looked for, and that there is nothing', () => {
    const source = { ...own, configuration: 'nightly', ids: ['40dc1520'], before: 0 };
    expect(noSnapshot(source, ['/data'], [])).toBe(
      'Repository repo has no snapshot of /data of Deployment demo/shop made by the BackupConfiguration demo/nightly among 40dc1520 before 1970-01-01T00:00:00Z; it has no snapshots at all',
    );
  });
});

/** A snapshot of `minute`, whose id says so. */
function made(minute: number, directory: string, ...more: string[]): Snapshot {
  const subject = {
    namespace: 'demo',
    configuration: 'nightly',
    kind: 'Deployment',
    name: 'shop',
    directory,
  };
  return {
    id: `${minute}`.repeat(64),
    time: minute * 60_000,
    host: 'host-1',
    tags: [...tagsOf(subject), ...more],
    paths: [directory],
  };
}

describe('choose', () => {
  const all = [
    made(1, '/a'),
    made(2, '/b', 'release'),
    made(3, '/a', INCOMPLETE_TAG),
    made(4, '/c', INCOMPLETE_TAG),
  ];
  const source = { ...own, host: 'host-1' };
  const cases: [string, Source, Record<string, string>][] = [
    ['the newest of each directory that is not incomplete', source, { '/a': '1', '/b': '2' }],
    ['an incomplete one that is named', { ...own, ids: ['333', '444'] }, { '/a': '3', '/c': '4' }],
    ['none that is too new', { ...source, before: 120_000 }, { '/a': '1' }],
  ];
  it.each(cases)('takes %s', (_, from, expected) => {
    const chosen = choose(from, ['/a', '/b', '/c'], all);
    expect(
      Object.fromEntries([...chosen].map(([directory, { snapshot }]) => [directory, snapshot.id[0]])),
    ).toEqual(expected);
  });

  it('tells of a newer one that was passed over, and how it is taken', () => {
    expect(describePassedOver(choose(source, ['/a', '/b'], all))).toBe(
      '/a is restored from 11111111 of 1970-01-01T00:01:00Z, since the newer 33333333 of 1970-01-01T00:03:00Z is incomplete. A snapshot that is incomplete is taken only where rules[].snapshots names it',
    );
    expect(describePassedOver(choose(source, ['/b'], all))).toBeUndefined();
    expect(describePassedOver(choose(source, ['/a'], [...all, made(5, '/a')]))).toBeUndefined();
  });

  it('tells that all there is may be incomplete', () => {
    expect(noSnapshot(source, ['/c'], all.slice(3))).toContain(
      '/c of Deployment demo/shop (host-1, 1970-01-01T00:04:00Z, 44444444, incomplete). A snapshot that is incomplete is taken only where',
    );
  });
});
