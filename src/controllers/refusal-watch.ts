import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { events } from '../kube/resource.ts';
import type { KubernetesEvent } from './job-state.ts';
import { refusalIn, shortageOf } from './refused-pods.ts';
import type { Workload } from './workload.ts';
import { keyOfWorkload } from './workload-caches.ts';

/** Pods come and go, and a quota takes a while to see it: so long they are waited for, in milliseconds. */
const PATIENCE = 10_000;

/** Pods may be waited for without being refused: so often the Events are asked for then, in milliseconds. */
const LOOK_EVERY = 30_000;

/** What is found of the pods of a workload. */
export interface Look {
  /** What the API server says of those that it refuses. */
  refused?: string;
  /** When to look again, whatever happens, in milliseconds. */
  lookAgainAfter?: number;
}

/** Tells of workloads whose pods are refused with something of ours in them. How long that lasts is counted from when it was seen here. */
export class RefusalWatch {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #shortages = new Map<string, { injection: string | undefined; since: number }>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async look(workload: Workload): Promise<Look> {
    const key = keyOfWorkload(workload);
    const shortage = shortageOf(workload);
    if (shortage.kind === 'None') {
      this.forget(key);
      return {};
    }
    const now = this.#clock.now();
    const injection = workload.spec.template?.metadata?.annotations?.[INJECTED_ANNOTATION];
    const known = this.#shortages.get(key);
    const since = known !== undefined && known.injection === injection ? known.since : now;
    this.#shortages.set(key, { injection, since });
    if (now - since < PATIENCE) return { lookAgainAfter: since + PATIENCE - now };
    const refused = shortage.message ?? refusalIn(await this.#warningsOf(workload), since);
    return refused === undefined ? { lookAgainAfter: LOOK_EVERY } : { refused };
  }

  /** @param key - of a workload that is gone */
  forget(key: string): void {
    this.#shortages.delete(key);
  }

  #warningsOf({ metadata }: Workload): Promise<KubernetesEvent[]> {
    return this.#client.list<KubernetesEvent>(events, {
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      fieldSelector: `regarding.uid=${metadata.uid},type=Warning`,
    });
  }
}
