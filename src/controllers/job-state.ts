import { REASONS } from '../api/reasons.ts';
import { instantOf } from '../kube/clock.ts';
import type { ApiObject } from '../kube/object.ts';
import type { ContainerStatus, Pod } from './agent-pods.ts';
import type { Job } from './integrity-job.ts';

/** An Event (Kubernetes API reference, `events.k8s.io/v1`). */
export interface KubernetesEvent extends ApiObject {
  type?: 'Normal' | 'Warning';
  reason?: string;
  note?: string;
  eventTime?: string | null;
  deprecatedLastTimestamp?: string | null;
  series?: { lastObservedTime?: string };
}

/** Something that keeps a Job from getting on, or has ended it. */
export interface Trouble {
  reason: string;
  message: string;
}

/** How a Job fares. */
export type JobState =
  /** It is not there, and nothing tells that it ever was. */
  | { kind: 'Absent' }
  /** It has not got on yet, by itself or for `trouble`, since `since` (milliseconds since the epoch). */
  | { kind: 'Waits'; pod?: Pod; trouble?: Trouble; since: number }
  | { kind: 'Runs'; pod: Pod }
  /** Nothing more comes of it. */
  | { kind: 'Over'; trouble: Trouble };

export interface JobFacts {
  job: Job | undefined;
  /** The pods of the Job. */
  pods: readonly Pod[];
  /** The pod that the session names. */
  appointed?: { podName?: string; podUID?: string } | undefined;
  /** Those about the pod of the Job, or about the Job where it has no pod; where they were asked for. */
  events?: readonly KubernetesEvent[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** A pod that is being deleted has until its deletionTimestamp; so much longer it is waited for, in milliseconds. */
const GRACE = 10_000;

/** Why a container waits, as kubelet says it: for its image, or for what it is made of. */
const NO_IMAGE = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
];
const NOT_MADE = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];

/** Why a pod was deleted by Kubernetes itself: its node answers no more, or is gone. */
const NODE_LOST = ['DeletionByTaintManager', 'DeletionByPodGC'];

/** How the Job of a session fares, by the Job and its pod alone. Of a Job that is over, its session is not, or it would not be asked. */
export function jobState(facts: JobFacts): JobState {
  const { job, pods, appointed, now } = facts;
  const isAppointed = appointed?.podUID !== undefined;
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) {
    if (isAppointed) return over('JobGone', `the Job was deleted before it was done`);
    return job === undefined ? { kind: 'Absent' } : { kind: 'Waits', since: now };
  }
  const ending = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Failed' || type === 'FailureTarget') && status === 'True',
  );
  if (ending?.reason === 'DeadlineExceeded')
    return over('DeadlineExceeded', 'it was not done by the deadline, and was stopped');
  const pod = isAppointed
    ? pods.find(({ metadata }) => metadata.uid === appointed.podUID)
    : pods.find(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (pod === undefined) {
    if (isAppointed) return over('PodGone', `the pod ${appointed.podName} was deleted before it was done`);
    if (ending !== undefined) return over('JobFailed', `the Job failed: ${ending.message ?? ending.reason}`);
    const trouble = troubleOfJob(facts);
    const since = instantOf(job.metadata.creationTimestamp);
    return { kind: 'Waits', since, ...(trouble !== undefined && { trouble }) };
  }
  const end = endOf(pod, now);
  if (end !== undefined) return { kind: 'Over', trouble: end };
  const waiting = troubleOfPod(pod, facts);
  if (waiting !== undefined) return { kind: 'Waits', pod, trouble: waiting, since: waitsSince(pod) };
  return statusesOf(pod).some(({ state }) => state?.running !== undefined || state?.terminated !== undefined)
    ? { kind: 'Runs', pod }
    : { kind: 'Waits', pod, since: waitsSince(pod) };
}

function over(reason: string, message: string): JobState {
  return { kind: 'Over', trouble: { reason, message } };
}

/** How `pod` has ended; undefined where it has not. */
function endOf(pod: Pod, now: number): Trouble | undefined {
  const { status, metadata } = pod;
  const failed = statusesOf(pod).find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  if (failed !== undefined) return failureOf(metadata.name, failed);
  if (status?.phase === 'Succeeded') {
    const message =
      'every step ended well, and none reported what was done; add stash-post-backup, or stash-post-recovery, as the last function of the Task';
    return { reason: 'NothingReported', message };
  }
  if (status?.phase === 'Failed') {
    const why = [status.reason, status.message].filter((each) => each !== undefined).join(': ');
    return {
      reason: 'PodEnded',
      message: `the pod ${metadata.name} has failed${why === '' ? '' : `: ${why}`}`,
    };
  }
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (now <= instantOf(metadata.deletionTimestamp) + GRACE) return undefined;
  if (isOnLostNode(pod)) {
    const message = `the node ${pod.spec.nodeName} of the pod ${metadata.name} is gone, or answers no more`;
    return { reason: 'NodeLost', message };
  }
  return { reason: 'PodGone', message: `the pod ${metadata.name} was deleted before it was done` };
}

/** Whether Kubernetes has given `pod` up, since its node answers no more: nothing tells when it ends. */
export function isOnLostNode({ status }: Pod): boolean {
  const disruption = status?.conditions?.find(
    ({ type, status: is }) => type === 'DisruptionTarget' && is === 'True',
  );
  return disruption?.reason !== undefined && NODE_LOST.includes(disruption.reason);
}

/** A step of ours tells its reason at the beginning of its termination message. */
const TOLD = /^([A-Z][A-Za-z]+): (.*)$/s;

/** So much of what a step says last is told: a host has room for 4,096 characters. */
const LONGEST_TOLD = 3_000;

function failureOf(podName: string, { name, state }: ContainerStatus): Trouble {
  const { exitCode, reason, message = '' } = state?.terminated ?? {};
  const last = message.trim().slice(-LONGEST_TOLD);
  const [, told = '', sentence = ''] = TOLD.exec(message.trim().slice(0, LONGEST_TOLD)) ?? [];
  if (Object.hasOwn(REASONS, told)) return { reason: told, message: sentence };
  if (reason === 'OOMKilled') {
    const message = `the step ${name} was killed for want of memory (OOMKilled): raise its limit in spec.runtimeSettings.container.resources`;
    return { reason: 'Killed', message };
  }
  const why = last === '' ? `it said nothing; see its log: kubectl logs ${podName} -c ${name}` : last;
  return { reason: 'StepFailed', message: `the step ${name} failed with exit code ${exitCode}: ${why}` };
}

/** Why the Job has no pod, as its controller told. */
function troubleOfJob({ events = [] }: JobFacts): Trouble | undefined {
  const refused = newest(events.filter(({ reason }) => reason === 'FailedCreate'));
  return refused && { reason: 'PodNotCreated', message: `its pod cannot be created: ${refused.note}` };
}

/** Why the containers of `pod` do not start. */
function troubleOfPod(pod: Pod, { events = [] }: JobFacts): Trouble | undefined {
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unscheduled?.reason === 'Unschedulable') {
    const message = `no node takes the pod ${pod.metadata.name}: ${unscheduled.message}`;
    return { reason: 'PodUnschedulable', message };
  }
  for (const { name, state } of statusesOf(pod)) {
    const { reason = '', message = '' } = state?.waiting ?? {};
    const why = message === '' ? reason : `${reason}: ${message}`;
    if (NO_IMAGE.includes(reason))
      return { reason: 'ImagePullFailed', message: `the image of the step ${name} cannot be had: ${why}` };
    if (NOT_MADE.includes(reason))
      return { reason: 'PodNotStarted', message: `the step ${name} cannot be started: ${why}` };
  }
  const isStarted = statusesOf(pod).some(({ state }) => state?.running ?? state?.terminated);
  // What was tried again and went well is followed by an Event that says so: that an image is being pulled, as a rule.
  const last = isStarted ? undefined : newest(events);
  if (last?.type !== 'Warning') return undefined;
  const message = `the pod ${pod.metadata.name} cannot be started: ${last.reason}: ${last.note}`;
  return { reason: 'PodNotStarted', message };
}

/** Since when the next container of `pod` could have begun. */
function waitsSince({ metadata, status }: Pod): number {
  const ends = [...(status?.initContainerStatuses ?? [])].map(({ state }) =>
    instantOf(state?.terminated?.finishedAt),
  );
  return Math.max(instantOf(metadata.creationTimestamp), ...ends);
}

function statusesOf({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

export function newest(events: readonly KubernetesEvent[]): KubernetesEvent | undefined {
  return [...events].sort((a, b) => lastSeen(b) - lastSeen(a))[0];
}

/** When what an Event tells of was seen last, in milliseconds since the epoch. */
export function lastSeen({ metadata, series, eventTime, deprecatedLastTimestamp }: KubernetesEvent): number {
  return instantOf(
    series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? metadata.creationTimestamp,
  );
}
