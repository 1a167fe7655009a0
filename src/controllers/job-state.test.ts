import { describe, expect, it } from 'vitest';
import type { Pod } from './agent-pods.ts';
import type { Job } from './integrity-job.ts';
import { type JobFacts, jobState, type KubernetesEvent } from './job-state.ts';

const created = '2026-11-22T17:00:00Z';
const now = Date.parse('2026-11-22T17:01:00Z');

const aJob = (
  conditions: { type: string; reason?: string; message?: string }[] = [],
  going = false,
): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name: 'nightly-1',
    uid: 'job-uid',
    creationTimestamp: created,
    ...(going && { deletionTimestamp: created }),
  },
  spec: {},
  status: { conditions: conditions.map((each) => ({ ...each, status: 'True' })) },
});

type Statuses = NonNullable<NonNullable<Pod['status']>['initContainerStatuses']>;

interface PodFacts {
  steps?: Statuses;
  status?: Partial<NonNullable<Pod['status']>>;
  deletedAt?: string;
}

const aPod = ({ steps = [], status = {}, deletedAt }: PodFacts = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'nightly-1-abc',
    uid: 'pod-uid',
    creationTimestamp: created,
    ...(deletedAt !== undefined && { deletionTimestamp: deletedAt }),
  },
  spec: { nodeName: 'node-1' },
  status: { phase: 'Pending', initContainerStatuses: steps, ...status },
});

const appointed = { podName: 'nightly-1-abc', podUID: 'pod-uid' };
const running = { name: 'dump', state: { running: {} } };
const waiting = (reason: string, message?: string) => ({
  name: 'dump',
  state: { waiting: { reason, ...(message !== undefined && { message }) } },
});
const ended = (terminated: object) => ({ name: 'dump', state: { terminated } });
const event = (type: 'Normal' | 'Warning', reason: string, note: string, at = created): KubernetesEvent => ({
  type,
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: `${reason} ${note}` },
  reason,
  note,
  deprecatedLastTimestamp: at,
});

const stateOf = (facts: Partial<JobFacts>) => jobState({ job: aJob(), pods: [], now, ...facts });

const over: [string, Partial<JobFacts>, reason: string, message: string][] = [
  ['its Job is deleted', { job: undefined, appointed }, 'JobGone', 'the Job was deleted'],
  ['its Job is being deleted', { job: aJob([], true), appointed }, 'JobGone', 'the Job was deleted'],
  [
    'its Job has passed its deadline, though its pod is gone',
    { job: aJob([{ type: 'FailureTarget', reason: 'DeadlineExceeded' }]), appointed },
    'DeadlineExceeded',
    'was not done by the deadline',
  ],
  ['its pod is gone', { appointed }, 'PodGone', 'nightly-1-abc was deleted'],
  [
    'another pod has its name',
    { pods: [{ ...aPod(), metadata: { ...aPod().metadata, uid: 'other' } }], appointed },
    'PodGone',
    'nightly-1-abc was deleted',
  ],
  [
    'its Job failed without a pod',
    { job: aJob([{ type: 'Failed', reason: 'BackoffLimitExceeded', message: 'it has failed' }]) },
    'JobFailed',
    'it has failed',
  ],
  [
    'a step fails',
    { pods: [aPod({ steps: [ended({ exitCode: 2, message: 'pg_dump: no such table\n' })] })] },
    'StepFailed',
    'the step dump failed with exit code 2: pg_dump: no such table',
  ],
  [
    'a step fails without a word',
    { pods: [aPod({ steps: [ended({ exitCode: 1 })] })] },
    'StepFailed',
    'kubectl logs nightly-1-abc -c dump',
  ],
  [
    'a step of ours fails, with its reason',
    { pods: [aPod({ steps: [ended({ exitCode: 1, message: 'WrongPassword: it is not\nthe one' })] })] },
    'WrongPassword',
    'it is not\nthe one',
  ],
  [
    'a step says a reason that is none of ours',
    { pods: [aPod({ steps: [ended({ exitCode: 1, message: 'TypeError: x' })] })] },
    'StepFailed',
    'TypeError: x',
  ],
  [
    'a step is killed for want of memory',
    { pods: [aPod({ steps: [ended({ exitCode: 137, reason: 'OOMKilled' })] })] },
    'Killed',
    'OOMKilled',
  ],
  [
    'nobody reported',
    { pods: [aPod({ steps: [ended({ exitCode: 0 })], status: { phase: 'Succeeded' } })], appointed },
    'NothingReported',
    'add stash-post-backup',
  ],
  [
    'its pod is evicted',
    {
      pods: [aPod({ status: { phase: 'Failed', reason: 'Evicted', message: 'low on memory' } })],
      appointed,
    },
    'PodEnded',
    'Evicted: low on memory',
  ],
  [
    'its pod should be gone for long',
    { pods: [aPod({ steps: [running], deletedAt: '2026-11-22T17:00:40Z' })], appointed },
    'PodGone',
    'was deleted',
  ],
  [
    'its node is gone',
    {
      pods: [
        aPod({
          steps: [running],
          deletedAt: '2026-11-22T17:00:40Z',
          status: {
            conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }],
          },
        }),
      ],
      appointed,
    },
    'NodeLost',
    'node-1',
  ],
];

const waits: [string, Partial<JobFacts>, reason: string | undefined, message: string][] = [
  ['its pod is to come', {}, undefined, ''],
  ['an earlier Job of its name goes', { job: aJob([], true) }, undefined, ''],
  ['its pod is being started', { pods: [aPod({ steps: [waiting('PodInitializing')] })] }, undefined, ''],
  [
    'a quota refuses its pod',
    {
      events: [
        event('Warning', 'FailedCreate', 'exceeded quota: old'),
        event('Warning', 'FailedCreate', 'exceeded quota: new', '2026-11-22T17:00:30Z'),
      ],
    },
    'PodNotCreated',
    'exceeded quota: new',
  ],
  [
    'no node takes its pod',
    {
      pods: [
        aPod({
          status: {
            conditions: [
              { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'unbound claim' },
            ],
          },
        }),
      ],
    },
    'PodUnschedulable',
    'unbound claim',
  ],
  [
    'its image cannot be had',
    { pods: [aPod({ steps: [waiting('ImagePullBackOff', 'no such image')] })] },
    'ImagePullFailed',
    'the image of the step dump cannot be had: ImagePullBackOff: no such image',
  ],
  [
    'a Secret of a step is missing',
    { pods: [aPod({ steps: [waiting('CreateContainerConfigError', 'secret "a" not found')] })] },
    'PodNotStarted',
    'secret "a" not found',
  ],
  [
    'a volume cannot be mounted',
    {
      pods: [aPod({ steps: [waiting('PodInitializing')] })],
      events: [
        event('Normal', 'Scheduled', 'to a node'),
        event('Warning', 'FailedMount', 'no such volume', '2026-11-22T17:00:30Z'),
      ],
    },
    'PodNotStarted',
    'FailedMount: no such volume',
  ],
];

describe('the Job of a session', () => {
  it.each(over)('is over where %s', (_, facts, reason, message) => {
    expect(stateOf(facts)).toMatchObject({
      kind: 'Over',
      trouble: { reason, message: expect.stringContaining(message) as string },
    });
  });

  it.each(waits)('waits where %s', (_, facts, reason, message) => {
    const state = stateOf(facts);
    expect(state.kind).toBe('Waits');
    const trouble = state.kind === 'Waits' ? state.trouble : undefined;
    expect(trouble?.reason).toBe(reason);
    expect(trouble?.message ?? '').toContain(message);
  });

  it('is absent where nobody made it yet, and no pod was appointed', () => {
    expect(stateOf({ job: undefined })).toEqual({ kind: 'Absent' });
  });

  it('runs where a step runs, whatever was warned of before', () => {
    const pod = aPod({ steps: [ended({ exitCode: 0 }), running] });
    expect(stateOf({ pods: [pod], events: [event('Warning', 'FailedMount', 'at first')] })).toEqual({
      kind: 'Runs',
      pod,
    });
  });

  it('is not in trouble for what was overcome', () => {
    const pod = aPod({});
    const events = [
      event('Warning', 'FailedMount', 'at first'),
      event('Normal', 'Pulling', 'a large image', '2026-11-22T17:00:30Z'),
    ];
    expect(stateOf({ pods: [pod], events })).toEqual({
      kind: 'Waits',
      pod,
      since: expect.any(Number) as number,
    });
  });

  it('runs while its pod has time to end by itself', () => {
    const pod = aPod({ steps: [running], deletedAt: '2026-11-22T17:01:20Z' });
    expect(stateOf({ pods: [pod], appointed })).toEqual({ kind: 'Runs', pod });
  });

  it('does not take a pod that goes for its own', () => {
    const pod = aPod({ deletedAt: '2026-11-22T17:01:20Z' });
    expect(stateOf({ pods: [pod] })).toMatchObject({ kind: 'Waits' });
    expect(stateOf({ pods: [pod] })).not.toHaveProperty('pod');
  });

  it('counts its waiting from the end of the step before', () => {
    const steps = [
      ended({ exitCode: 0, finishedAt: '2026-11-22T17:00:50Z' }),
      waiting('ImagePullBackOff', 'no such image'),
    ];
    expect(stateOf({ pods: [aPod({ steps })] })).toMatchObject({
      since: Date.parse('2026-11-22T17:00:50Z'),
    });
  });
});
