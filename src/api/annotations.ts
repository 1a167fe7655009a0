/** The API group of our kinds, and the prefix of every annotation and label of ours. */
export const GROUP = 'stash.appscode.com';

/** On a pod template: what an injection put in, as JSON, so that the next one can take it out again. */
export const INJECTED_ANNOTATION = `${GROUP}/injected`;

/** On a workload: touched by the operator to have the workload pass through the webhook; holds a hash of what is wanted. */
export const REQUESTED_ANNOTATION = `${GROUP}/injection-requested`;

/** On a Deployment: how many replicas a restore took from it, or gave back, as JSON; it goes when that restore is over. */
export const HELD_REPLICAS_ANNOTATION = `${GROUP}/held-replicas`;

/** On a workload: what became of the parts that an injection put into it, as a hash, so that a later change of them is found. */
export const LEARNT_ANNOTATION = `${GROUP}/injected-state`;

/**
 * On a workload: which BackupConfigurations in it have the rollout `OnNextUpdate`, with commas between; it is remembered of those that are
 * gone, so that their end is no reason for a rollout either.
 */
export const ON_NEXT_UPDATE_ANNOTATION = `${GROUP}/on-next-update`;

/** On a workload: what was taken out of it since its pods were refused with it, as JSON; see `readRefusal`. */
export const REFUSED_ANNOTATION = `${GROUP}/refused`;

/** On a BackupSession: the BackupConfiguration that it runs, as `labelValue` writes it. Agents select their sessions by it. */
export const CONFIGURATION_LABEL = `${GROUP}/backup-configuration`;

/** Keeps a session until its Job has ended and the hook after it has run, and the BackupConfiguration of that hook; see docs/sessions.md. */
export const HOLD_FINALIZER = `${GROUP}/session`;

/** On a BackupSession of the schedule, and on those that try it again: the instant at which it was due, in seconds since the epoch. */
export const DUE_LABEL = `${GROUP}/due`;

/** On the Job that checks a Repository: its name, as `labelValue` writes it. */
export const REPOSITORY_LABEL = `${GROUP}/repository`;

/** On what the operator makes for others, a RoleBinding for example. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'stash';

/** The ClusterRole of the agents: all that the ServiceAccount of a workload gains by having one. */
export const AGENT_ROLE = 'stash-agent';

/** The ClusterRole of a pod that checks a Repository: to read it, and to report on it. */
export const CHECK_ROLE = 'stash-check';

/** Of the Jobs that run the Task of a session, under `app.kubernetes.io/component`. */
export const TASK_COMPONENT = 'task';

/** Of the Jobs that check Repositories, under `app.kubernetes.io/component`. */
export const CHECK_COMPONENT = 'integrity-check';

/** The ClusterRole of the Jobs of a CronJob that keeps time, and their ServiceAccount in each namespace that has one: to create sessions. */
export const TRIGGER_ROLE = 'stash-trigger';
export const TRIGGER_ACCOUNT = 'stash-trigger';

/** Of those CronJobs and their Jobs, under `app.kubernetes.io/component`. */
export const TRIGGER_COMPONENT = 'trigger';
