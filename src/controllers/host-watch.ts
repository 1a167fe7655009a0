import { HEARTBEAT_LIMIT } from '../api/sessions.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { isForbidden, isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { nodes, pods } from '../kube/resource.ts';
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

/** Where a host on it has been silent for this long, in milliseconds, its node may be to blame: two heartbeats, and some. */
const SILENCE = 45_000;

/**
 * So long Kubernetes may hear nothing of a node, in milliseconds, on top of the 50 s after which it says so: a kubelet that is restarted
 * harms no backup. (Pods are evicted after 300 s, and never where no node is left.)
 */
const NODE_SILENCE = 20_000;

const HEARD = 'heard of';

/** What of a Node tells whether its kubelet lives (Kubernetes documentation, "Node Status"). */
interface Node extends ApiObject {
  status?: { conditions?: { type: string; status: string; lastTransitionTime?: string }[] };
}

/** Why a host will report no more. */
export interface Loss {
  reason: 'PodGone' | 'PodEnded' | 'AgentLost' | 'NodeLost';
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
    const lost = await this.nodeLossOf(session, host, pod.spec.nodeName);
    if (lost !== undefined || silence <= HEARTBEAT_LIMIT) return lost;
    return {
      reason: 'AgentLost',
      message: `the agent in pod ${host.podName} has not reported for ${Math.round(silence / 1000)} s; see its log: kubectl logs ${host.podName} --all-containers`,
    };
  }

  /**
   * Why nothing more will be heard of `host`, where Kubernetes hears nothing of its node either. One that reports works, however it is
   * about the node: a kubelet may be away for a while, and what it started goes on.
   *
   * @param nodeName - the node of its pod, where that has one
   */
  async nodeLossOf(
    session: string,
    host: ActingHost,
    nodeName: string | undefined,
  ): Promise<Loss | undefined> {
    const key = `${session}/${host.host}`;
    const silence = this.unchangedFor(key, host.heartbeatTime ?? '');
    if (nodeName === undefined || nodeName === '' || silence <= SILENCE - NODE_SILENCE) return undefined;
    const heard = await this.#heardOf(nodeName);
    const unchanged = this.unchangedFor(`${key}/node`, heard);
    if (heard === HEARD || unchanged <= NODE_SILENCE || silence <= SILENCE) return undefined;
    const seconds = Math.round(silence / 1000);
    const message = `the node ${nodeName} of the pod ${host.podName} is gone, or answers no more, and the pod has not reported for ${seconds} s`;
    return { reason: 'NodeLost', message };
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

  /** What Kubernetes says of the node: {@link HEARD}, or since when it hears nothing. One that says it is not ready does answer. */
  async #heardOf(nodeName: string): Promise<string> {
    try {
      const { status } = await this.#client.get<Node>(nodes, nodeName);
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status === 'Unknown' ? `silent since ${ready.lastTransitionTime}` : HEARD;
    } catch (error) {
      if (isNotFound(error)) return 'gone';
      // The role of an older installation does not have it.
      if (isForbidden(error)) return HEARD;
      throw error;
    }
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
