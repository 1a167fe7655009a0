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

/** The instant `ms` as Kubernetes writes it, to the second. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The instant in milliseconds since the epoch; 0 where there is none. */
export function instantOf(timestamp: string | undefined): number {
  return timestamp === undefined ? 0 : Date.parse(timestamp);
}
