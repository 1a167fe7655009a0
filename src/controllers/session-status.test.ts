import { describe, expect, it } from 'vitest';
import { aSession } from './objects.fixture.ts';
import { statusIntent } from './session-status.ts';

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
