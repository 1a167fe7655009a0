import type { ObjectMeta } from '../api/object.ts';
import type { Client } from '../kube/client.ts';
import { events, pods } from '../kube/resource.ts';
import type { Pod } from './agent-pods.ts';
import type { Job } from './integrity-job.ts';
import { type JobFacts, type JobState, jobState, type KubernetesEvent } from './job-state.ts';

/** So long a Job may be kept from starting before it is given up, in milliseconds. */
export const PATIENCE = 600_000;

/** What takes longer than this to start is asked for Events, in milliseconds. */
const USUAL_START = 5_000;

/** How `job` fares now: asks for its pods, and for Events where it takes long to start and nothing else tells why. */
export async function lookAtJob(
  client: Client,
  job: Job | undefined,
  appointed: JobFacts['appointed'],
  now: number,
): Promise<JobState> {
  const facts = { job, pods: job === undefined ? [] : await podsOfJob(client, job), appointed, now };
  const state = jobState(facts);
  if (state.kind !== 'Waits' || state.trouble !== undefined || now - state.since < USUAL_START) return state;
  const about = state.pod ?? job;
  const events = about === undefined ? [] : await eventsOf(client, about);
  return events.length === 0 ? state : jobState({ ...facts, events });
}

/** Whether `job` is that of `owner`, and not of another object of its name, or of nobody. */
export function isOwnedBy({ metadata }: Job, owner: { metadata: ObjectMeta }): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) === true;
}

/** A label is anybody's to write; the reference to the Job's uid is kept by its controller. */
async function podsOfJob(client: Client, { metadata }: Job): Promise<Pod[]> {
  const candidates = await client.list<Pod>(pods, {
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    labelSelector: `batch.kubernetes.io/job-name=${metadata.name}`,
  });
  return candidates.filter((pod) =>
    pod.metadata.ownerReferences?.some(
      ({ kind, uid, controller }) => kind === 'Job' && controller === true && uid === metadata.uid,
    ),
  );
}

function eventsOf(client: Client, { metadata }: Job | Pod): Promise<KubernetesEvent[]> {
  return client.list<KubernetesEvent>(events, {
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    fieldSelector: `regarding.uid=${metadata.uid}`,
  });
}
