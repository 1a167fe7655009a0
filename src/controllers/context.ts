import type { Logger } from 'pino';
import type { InjectionOptions } from '../injection/wanted.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Caches } from './caches.ts';

/** What every reconciler is given. */
export interface Context {
  client: Client;
  caches: Caches;
  clock: Clock;
  events: EventRecorder;
  log: Logger;
  injection: InjectionOptions;
  /** Whether a repository may be on a hostPath. */
  allowHostPath: boolean;
}

/** Who the operator is in server-side apply. */
export const FIELD_MANAGER = 'stash-operator';
