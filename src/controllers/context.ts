import type { Logger } from 'pino';
import type { InjectionOptions } from '../injection/wanted.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { PodAccess } from '../kube/pod-access.ts';
import type { TaskMetrics } from '../tasks/run.ts';
import type { Caches } from './caches.ts';

/** What every reconciler is given. */
export interface Context {
  client: Client;
  /** The way into pods, for hooks. */
  pods: PodAccess;
  caches: Caches;
  clock: Clock;
  events: EventRecorder;
  log: Logger;
  injection: InjectionOptions;
  /** Whether a repository may be on a hostPath. */
  allowHostPath: boolean;
  /** What the installation says of the metrics of Tasks. */
  taskMetrics?: TaskMetrics;
}
