import { HEARTBEAT_LIMIT } from '../api/sessions.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import { pods } from '../kube/resource.ts';
import type { Pod } from './agent-pods.ts';

/** A host that acts, or should. */
export interface ActingHost {
  host: string;
  podName?: string;
  podUID?: string;
  heartbeatTime?: string;
}

/** Each report of each host of a session leads here: a pod is not looked at more often than this, in milliseconds. */
const LOOK_EVERY = 5_000;

/** Why a host will report no more. */
export interface Loss {
  reason: 'PodGone' | 'PodEnded' | 'AgentLost';
  message: string;
}

/**
 * Tells of hosts whose agent is gone: an agent that died says nothing, and a session that waits for it would run for ever
 * (stash#1505). A heartbeat counts from when it was seen here, so that clocks which disagree harm nobody.
 */
export class HostWatch {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #seen = new Map<string, { value: string; at: number }>();
  readonly #lookedAt = new Map<string, number>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * Why `host` will report no more, where that is known; it has a pod.
   *
   * @param session - the key of the session, `namespace/name` and its kind
   */
  async lossOf(session: string, namespace: string, host: ActingHost): Promise<Loss | undefined> {
    const key = `${session}/${host.host}`;
    const silence = this.unchangedFor(key, host.heartbeatTime ?? '');
    const now = this.#clock.now();
    if (now - (this.#lookedAt.get(key) ?? Number.NEGATIVE_INFINITY) < LOOK_EVERY) return undefined;
    this.#lookedAt.set(key, now);
    const pod = await this.#podOf(namespace, host);
    if (pod === undefined) {
      return {
        reason: 'PodGone',
        message: `the pod ${host.podName} was deleted or replaced before it was done`,
      };
    }
    if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') {
      return {
        reason: 'PodEnded',
        message: `the pod ${host.podName} has ended (${pod.status.phase}) before it was done`,
      };
    }
    if (silence <= HEARTBEAT_LIMIT) return undefined;
    return {
      reason: 'AgentLost',
      message: `the agent in pod ${host.podName} has not reported for ${Math.round(silence / 1000)} s; see its log: kubectl logs ${host.podName} --all-containers`,
    };
  }

  /** The session is over: nothing of it is remembered. */
  forget(session: string): void {
    for (const map of [this.#seen, this.#lookedAt]) {
      for (const key of map.keys()) if (key.startsWith(`${session}/`)) map.delete(key);
    }
  }

  /**
   * For how long `value` has been the same, as far as was seen here, in milliseconds.
   *
   * @param key - begins with the session's, and a slash
   */
  unchangedFor(key: string, value: string): number {
    const seen = this.#seen.get(key);
    if (seen?.value === value) return this.#clock.now() - seen.at;
    this.#seen.set(key, { value, at: this.#clock.now() });
    return 0;
  }

  async #podOf(namespace: string, host: ActingHost): Promise<Pod | undefined> {
    try {
      const pod = await this.#client.get<Pod>(pods, host.podName ?? '', namespace);
      return pod.metadata.uid === host.podUID ? pod : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
