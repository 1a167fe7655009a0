import { parseDuration } from '../api/duration.ts';
import type { Hook, HookRun } from '../api/hooks.ts';
import { RESTORE, SIDECAR } from '../injection/layout.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep } from '../kube/clock.ts';
import { type PodAccess, PodAccessError } from '../kube/pod-access.ts';
import { hasEnded, type Pod } from './agent-pods.ts';
import { isGoodStatus, send, staysOpen } from './hook-request.ts';
import { claimVolumes, describeTarget, type HookTarget, namespaceOf, podsOfTarget } from './hook-target.ts';

/** In which container of which pod a hook runs. */
export interface HookPlace {
  /** Only its own pods are entered. */
  target: HookTarget;
  podName: string;
  podUID: string;
  /** That of the target, where it names one. */
  container: string | undefined;
}

/** How a hook ended. */
export type HookEnd = Pick<HookRun, 'reason' | 'message' | 'exitCode'> & { phase: 'Succeeded' | 'Failed' };

interface HookPod extends Pod {
  spec: Pod['spec'] & {
    containers: Container[];
    initContainers?: (Container & { restartPolicy?: string })[];
  };
}

interface Container {
  name: string;
  ports?: { name?: string; containerPort: number }[];
  volumeMounts?: { name: string }[];
}

/** How often a container is looked at that does not run yet, in milliseconds. */
const LOOK_EVERY = 1_000;

/** Of a message, in characters, as the schema has it. */
const LONGEST = 512;

/**
 * Runs `hook` once, in a pod that is `place.target`'s own and still the one that was meant.
 *
 * The pod is looked up by its target and its uid each time: nothing that stands in a status leads into another pod.
 *
 * @param patience - how much longer than its timeout it may wait until the container runs, in milliseconds
 * @throws `signal`'s reason where that was aborted
 */
export async function callHook(
  access: { client: Client; clock: Clock; pods: PodAccess },
  hook: Hook,
  place: HookPlace,
  patience: number,
  signal: AbortSignal,
): Promise<HookEnd> {
  const { clock } = access;
  const timeout = parseDuration(hook.timeout);
  const began = clock.now();
  let absence = '';
  while (clock.now() - began < timeout + patience) {
    const found = await find(access.client, hook, place);
    if ('phase' in found) return found;
    if ('pod' in found) return inTime(access, hook, place, found, timeout, signal);
    absence = found.absence;
    await sleep(clock, LOOK_EVERY, signal);
    signal.throwIfAborted();
  }
  return failed('HookTimedOut', absence);
}

type Found = { pod: HookPod; container: Container } | { absence: string } | HookEnd;

async function find(client: Client, hook: Hook, place: HookPlace): Promise<Found> {
  const pods = await podsOfTarget(client, place.target);
  const pod = pods.find(({ metadata }) => metadata.uid === place.podUID) as HookPod | undefined;
  if (pod === undefined) {
    const whose = describeTarget(place.target);
    return failed('PodGone', `the pod ${place.podName} was deleted or replaced, or is none of ${whose}`);
  }
  if (hasEnded(pod)) return failed('PodEnded', `the pod ${place.podName} has ended`);
  const { containers, initContainers = [] } = pod.spec;
  const theirs = [
    ...containers,
    ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ].filter(({ name }) => name !== SIDECAR && name !== RESTORE);
  const name = hook.containerName ?? place.container ?? usualOf(pod, theirs, place.target)?.name;
  const container = theirs.find((each) => each.name === name);
  if (container === undefined) {
    const known = theirs.map((each) => each.name).join(', ');
    return failed(
      'ContainerNotFound',
      `the pod ${place.podName} has no container "${name}"; it has ${known}`,
    );
  }
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const state = [...containerStatuses, ...initContainerStatuses].find((each) => each.name === name)?.state;
  if (state?.running !== undefined) return { pod, container };
  const why = state?.waiting?.reason === undefined ? '' : ` (${state.waiting.reason})`;
  return { absence: `the container ${name} of pod ${place.podName} did not run in time${why}` };
}

/** The container of a hook that names none: the first, and of a claim the first that has it mounted. */
function usualOf(pod: Pod, theirs: readonly Container[], target: HookTarget): Container | undefined {
  if ('workload' in target) return theirs[0];
  const names = claimVolumes(pod, target.claim);
  return theirs.find(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => names.includes(name)));
}

async function inTime(
  access: { clock: Clock; pods: PodAccess },
  hook: Hook,
  place: HookPlace,
  found: { container: Container },
  timeout: number,
  signal: AbortSignal,
): Promise<HookEnd> {
  const late = new AbortController();
  const timer = access.clock.setTimeout(() => late.abort(), timeout);
  try {
    return await act(access, hook, place, found.container, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.signal.aborted) throw error;
    const left = hook.exec === undefined ? '' : '; what it started may still run in the container';
    return failed('HookTimedOut', `it did not end within ${hook.timeout}${left}`);
  } finally {
    timer.cancel();
    late.abort();
  }
}

async function act(
  { clock, pods }: { clock: Clock; pods: PodAccess },
  hook: Hook,
  { target, podName }: HookPlace,
  container: Container,
  signal: AbortSignal,
): Promise<HookEnd> {
  const namespace = namespaceOf(target);
  try {
    if (hook.exec !== undefined) {
      const at = { namespace, pod: podName, container: container.name };
      const { exitCode, lastLine } = await pods.exec(at, hook.exec.command, signal);
      if (exitCode === 0) return { phase: 'Succeeded', exitCode };
      if (exitCode === undefined) return failed('HookFailed', `the command could not be run: ${lastLine}`);
      const said = lastLine === '' ? '' : `: ${lastLine}`;
      return { ...failed('HookFailed', `the command ended with exit code ${exitCode}${said}`), exitCode };
    }
    const request = hook.httpGet ?? hook.httpPost ?? hook.tcpSocket;
    const port = request && portOf(request.port, container);
    if (port === undefined) {
      return failed('HookFailed', `the container ${container.name} has no port "${request?.port}"`);
    }
    const stream = await pods.connect({ namespace, pod: podName, port }, signal);
    try {
      const { promise: stopped, reject } = Promise.withResolvers<never>();
      stopped.catch(() => {});
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (hook.tcpSocket !== undefined) {
        await Promise.race([staysOpen(stream, clock), stopped]);
        return { phase: 'Succeeded' };
      }
      const method = hook.httpGet === undefined ? 'POST' : 'GET';
      const sent = hook.httpGet ?? hook.httpPost;
      const status = sent && (await Promise.race([send(stream, method, sent), stopped]));
      if (status !== undefined && isGoodStatus(status)) return { phase: 'Succeeded' };
      return failed('HookFailed', `${method} ${sent?.path} of port ${port} was answered with ${status}`);
    } finally {
      stream.destroy();
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const what = error instanceof PodAccessError ? 'the pod could not be entered' : 'the request failed';
    return failed('HookFailed', `${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function portOf(port: number | string, { ports = [] }: Container): number | undefined {
  if (typeof port === 'number') return port;
  return ports.find(({ name }) => name === port)?.containerPort;
}

function failed(reason: string, message: string): HookEnd {
  const bounded = message.length <= LONGEST ? message : `${message.slice(0, LONGEST - 1)}…`;
  return { phase: 'Failed', reason, message: bounded };
}
