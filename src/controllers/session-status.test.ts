import { describe, expect, it } from 'vitest';
import { aSession } from './objects.fixture.ts';
import {
  describeFailures,
  describeHosts,
  describeMade,
  describeRestored,
  statusIntent,
} from './session-status.ts';

const now = '2026-11-22T18:00:00Z';
const running = aSession({
  status: {
    phase: 'Running',
    startTime: '2026-11-22T17:59:00Z',
    initializer: 'host-0',
    hosts: [
      {
        host: 'host-0',
        podName: 'a',
        podUID: '1',
        phase: 'Running',
        heartbeatTime: now,
        repositoryID: 'abc',
      },
      {
        host: 'host-1',
        podName: 'b',
        podUID: '2',
        phase: 'Failed',
        reason: 'PodGone',
        message: 'gone',
        completionTime: now,
      },
    ],
    stats: [],
  },
});

describe('statusIntent', () => {
  it('keeps all that is the operator’s, since an apply takes away what it leaves out', () => {
    expect(statusIntent(running, { retention: { host: 'host-0' } }, now)).toMatchObject({
      phase: 'Running',
      startTime: '2026-11-22T17:59:00Z',
      initializer: 'host-0',
      retention: { host: 'host-0' },
    });
  });

  it('claims nothing that an agent reports', () => {
    const intent = statusIntent(running, {}, now);
    expect(intent).not.toHaveProperty('stats');
    expect(intent.hosts).toEqual([
      { host: 'host-0', podName: 'a', podUID: '1' },
      {
        host: 'host-1',
        podName: 'b',
        podUID: '2',
        phase: 'Failed',
        reason: 'PodGone',
        message: 'gone',
        completionTime: now,
      },
    ]);
  });

  it('says which spec it is about, as hash#generation', () => {
    expect(statusIntent(running, {}, now).observedGeneration).toMatch(/^[0-9a-f]{8}#1$/);
  });
});

describe('what the condition of a session with many hosts says', () => {
  const hosts = Array.from({ length: 1024 }, (_, index) => ({
    host: `host-${index}`,
    message: 'x'.repeat(4096),
  }));

  it('fits into it, and names the first hosts', () => {
    const message = describeFailures(hosts);
    expect(message.length).toBeLessThan(32_768);
    expect(message).toContain('host-0: x');
    expect(message).toContain('and 1008 more');
    expect(describeHosts(hosts)).toMatch(/^host-0, .*host-7 and 1016 more$/);
    const stats = hosts.map(({ host }) => ({
      hostname: host,
      directory: `/${'d'.repeat(1023)}`,
      snapshot: '12345678',
      snapshotTime: '2026-11-22T17:00:00Z',
      restoredSize: '1 GiB',
      restoredBytes: 1,
      restoredFiles: 1,
    }));
    expect(describeRestored(stats, hosts).length).toBeLessThan(32_768);
  });

  it('is all there is to say where they are few', () => {
    expect(describeFailures([{ host: 'a', message: 'why' }, { host: 'b' }])).toBe(
      'a: why; b: no reason was given',
    );
    expect(describeHosts([{ host: 'a', podName: 'p' }, { host: 'b' }])).toBe('a in pod p, b');
  });
});

describe('describeMade', () => {
  const succeeded = { host: 'host-0', phase: 'Succeeded' as const };

  it('counts the snapshots where there is nothing else to say', () => {
    expect(describeMade(2, [succeeded])).toBe('snapshots made: 2');
  });

  it('says what a snapshot lacks although its host has succeeded', () => {
    const message = 'not in the backup, since they could not be read: roles (forbidden)';
    expect(describeMade(1, [{ ...succeeded, reason: 'ResourcesSkipped', message }])).toBe(
      `snapshots made: 1; ${message}`,
    );
  });
});
