import { POD_FIELDS, TOKEN_PATH, TOKEN_VOLUME, tokenVolume } from '../api/agent-pod.ts';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL, TASK_COMPONENT } from '../api/annotations.ts';
import { boundedName } from '../api/names.ts';
import type { ObjectMeta } from '../api/object.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import { repositoryVariables } from './environment.ts';
import { PREPARE } from './layout.ts';
import { type Container, capabilitiesOf, type PodSpec } from './pod.ts';
import type { TaskProblem } from './problem.ts';
import { resolve } from './resolve.ts';
import type { ClaimUser, TaskRun } from './run.ts';
import { containerSecurityContext } from './security.ts';
import { mergedSettings } from './settings.ts';
import { ownMounts } from './volumes.ts';

/** A Job as it is made (Kubernetes API reference, `batch/v1`). */
export interface TaskJob {
  apiVersion: 'batch/v1';
  kind: 'Job';
  metadata: ObjectMeta;
  spec: {
    backoffLimit: number;
    activeDeadlineSeconds?: number;
    ttlSecondsAfterFinished: number;
    template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
  };
}

/** What the installation says of its own containers; see its command line. */
export interface JobOptions {
  image: string;
  imagePullPolicy?: string | undefined;
  /** Names of Secrets in the session's namespace. */
  imagePullSecrets: readonly string[];
  /** Quantities, by resource name. */
  resources: { requests: Record<string, string>; limits?: Record<string, string> | undefined };
  /** What is left of the session's timeout, in seconds; without it the Job has no deadline of its own. */
  secondsLeft?: number;
}

/** The Job of a session, or all that keeps it from being made. */
export type JobResolution = { job: TaskJob; problems: [] } | { job: undefined; problems: TaskProblem[] };

/** The Job and its log can be looked at for a day. */
const TTL_SECONDS = 86_400;

/**
 * The name of the Job of a session: the same whoever makes it. A label of its pods has 63 characters at most. A backup and a restore may
 * well have one name, and the Job of the first stays for a day.
 */
export function jobName({ kind, name }: Pick<TaskRun['session'], 'kind' | 'name'>): string {
  return boundedName(kind === 'RestoreSession' ? `${name}-restore` : name, 63);
}

/** The ServiceAccount that the Job of a session runs as: of its own namespace, and never the operator's. */
export function jobAccount({ runtimeSettings }: { runtimeSettings?: RuntimeSettings }): string {
  return runtimeSettings?.pod?.serviceAccountName ?? 'default';
}

/**
 * The Job that does the work of the session of `run`: the same for the same run, and from nothing else. It goes with its session.
 *
 * The pod is that of the Task, with one more container before its steps. That one begins only when the session names this very pod:
 * of two pods, or of a Job that is made anew, one acts.
 */
export function jobOf(run: TaskRun, options: JobOptions): JobResolution {
  const { pod, problems } = resolve(run);
  if (pod === undefined) return { job: undefined, problems };
  const { kind, name, namespace, uid } = run.session;
  const labels = {
    'app.kubernetes.io/name': 'stash',
    'app.kubernetes.io/component': TASK_COMPONENT,
    [MANAGED_BY_LABEL]: MANAGED_BY,
  };
  const job: TaskJob = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(run.session),
      namespace,
      labels,
      ...(uid !== undefined && {
        ownerReferences: [{ apiVersion: `${GROUP}/v1beta1`, kind, name, uid, controller: true }],
      }),
    },
    spec: {
      // A session is one run: what follows a failed one is another session.
      backoffLimit: 0,
      ...(options.secondsLeft !== undefined && {
        activeDeadlineSeconds: Math.max(1, Math.ceil(options.secondsLeft)),
      }),
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: { metadata: { labels }, spec: podOfJob(run, pod.spec, options) },
    },
  };
  return { job, problems: [] };
}

function podOfJob(run: TaskRun, pod: PodSpec, options: JobOptions): PodSpec {
  const { initContainers = [], containers, volumes, ...rest } = pod;
  const pullSecrets = [
    ...options.imagePullSecrets,
    ...(run.runtimeSettings?.pod?.imagePullSecrets ?? []).map(({ name }) => name),
  ];
  const [last] = containers;
  return {
    ...rest,
    serviceAccountName: jobAccount(run),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(pullSecrets.length > 0 && {
      imagePullSecrets: [...new Set(pullSecrets)].map((name) => ({ name })),
    }),
    ...placeOf(run.claimUser, rest),
    initContainers: [prepare(run, options), ...initContainers].map((step) => equipped(step, options)),
    containers: [equipped(last, options)],
    volumes: [...volumes, tokenVolume()],
  };
}

/** It waits until the session names its pod, and opens the repository, or makes it, before a step counts on it. */
function prepare(run: TaskRun, { image, imagePullPolicy, resources }: JobOptions): Container {
  const { kind, name } = run.session;
  const volumeMounts = ownMounts(run);
  const { securityContext } = mergedSettings({}, run.runtimeSettings?.container);
  return {
    name: PREPARE,
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    command: ['stash'],
    args: ['agent', 'prepare', `--kind=${kind}`, `--session=${name}`],
    env: repositoryVariables(run),
    resources: { requests: resources.requests, ...(resources.limits && { limits: resources.limits }) },
    volumeMounts,
    securityContext: {
      ...containerSecurityContext(securityContext, capabilitiesOf(run, volumeMounts)),
      readOnlyRootFilesystem: true,
    },
  };
}

/** `container` with what lets it report: who it is, and a token that is bound to its pod. A variable of its own of such a name stays. */
function equipped(container: Container, { resources }: JobOptions): Container {
  const own = container.env.map(({ name }) => name);
  const fields = [...POD_FIELDS].filter(([name]) => !own.includes(name));
  return {
    // A quota may ask for requests of every container.
    ...(container.resources === undefined && { resources: { requests: resources.requests } }),
    ...container,
    // Before its own, which may name them.
    env: [
      ...fields.map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
      ...container.env,
    ],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [...container.volumeMounts, { name: TOKEN_VOLUME, mountPath: TOKEN_PATH, readOnly: true }],
  };
}

/** To the node of whoever has the claim mounted, where no other can mount it, and past what keeps others from there. */
function placeOf(user: ClaimUser | undefined, pod: Pick<PodSpec, string>): Record<string, unknown> {
  const tolerations = [...listOf(pod.tolerations), ...(user?.tolerations ?? [])];
  return {
    ...(tolerations.length > 0 && { tolerations }),
    ...(user?.nodeName !== undefined && { affinity: affinityTo(user.nodeName, pod.affinity) }),
  };
}

/** `affinity`, and that node alone. The terms of a required node affinity are alternatives, so that each has to say it. */
function affinityTo(nodeName: string, affinity: unknown): Record<string, unknown> {
  const { nodeAffinity, ...others } = (affinity ?? {}) as { nodeAffinity?: NodeAffinity };
  const key = 'requiredDuringSchedulingIgnoredDuringExecution';
  const isNode = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  const terms = nodeAffinity?.[key]?.nodeSelectorTerms ?? [];
  const nodeSelectorTerms = (terms.length === 0 ? [{}] : terms).map((term: { matchFields?: unknown[] }) => ({
    ...term,
    matchFields: [...(term.matchFields ?? []), isNode],
  }));
  return { ...others, nodeAffinity: { ...nodeAffinity, [key]: { nodeSelectorTerms } } };
}

interface NodeAffinity {
  requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: { matchFields?: unknown[] }[] };
  [field: string]: unknown;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
