import { describe, expect, it } from 'vitest';
import type { RestoreSession, RestoreSessionSpec } from '../api/restore-session.ts';
import { noSnapshot, type Source, sourceOf } from './snapshot-choice.ts';

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
