import { HELD_REPLICAS_ANNOTATION } from '../api/annotations.ts';
import { isOver } from '../api/sessions.ts';
import type { WorkloadRestore } from '../api/workload-target.ts';
import { readRecord } from '../injection/record.ts';
import { instantOf } from '../kube/clock.ts';
import { FIELD_MANAGER, managersOf } from '../kube/field-managers.ts';
import { hasEnded, isHeld, type Pod } from './agent-pods.ts';
import { inTurn } from './restore-queue.ts';
import { mustBeEmptied } from './restore-target.ts';
import { awaitsPreRestore } from './session-hooks.ts';
import type { Workload } from './workload.ts';

/** What the annotation of a Deployment says of replicas that a restore took. */
export interface HeldReplicas {
  /** The uid of the RestoreSession. */
  session: string;
  replicas: number;
  /** Whether they are still to be given back. Afterwards they are not taken again, whatever somebody scales to. */
  isHeld: boolean;
}

/** What is to be done about the replicas of a Deployment. `held` is what the annotation says from then on. */
export type ReplicasDecision =
  | { kind: 'Leave' | 'Wait' }
  | { kind: 'Take'; held: HeldReplicas; session: WorkloadRestore }
  | { kind: 'GiveBack'; replicas: number; held: HeldReplicas | undefined }
  | { kind: 'Note'; held: HeldReplicas | undefined };

/**
 * What a restore needs of the replicas of `workload`, told from how things are and not from what was done before, so that it is
 * right whenever the operator was stopped.
 *
 * They are taken in one write that scales to zero and says in an annotation how many there were, so that there is no moment at which
 * nobody knows; the session has the number in its status before. They are given back in one write too: once no old pod is left, and
 * also where the session has ended, was cancelled or is gone. Where somebody has scaled meanwhile, that number stays, zero too. They are
 * taken once in a session.
 *
 * `kubectl rollout undo` writes the annotations of a Deployment anew, as they were with the template that it goes back to: the annotation
 * is lost, or one comes back that was true then. So who scaled to zero is asked of `managedFields`, and how many there were of the session.
 *
 * @param workload - with its `managedFields`, where it {@link mayBeHeld}
 * @param sessions - all of the workload
 * @param pods - all of the workload
 */
export function decideReplicas(
  workload: Workload,
  sessions: readonly WorkloadRestore[],
  pods: readonly Pod[],
): ReplicasDecision {
  const said = readHeld(workload);
  const held = rememberedBy(sessions, workload, said) ?? said;
  const { replicas = 1, paused } = workload.spec;
  const holder = sessions.find(({ metadata }) => metadata.uid === held?.session);
  const lives = holder !== undefined && isAlive(holder);
  if (held?.isHeld) {
    const given = lives ? { ...held, isHeld: false } : undefined;
    if (replicas !== 0 || isScaledByOthers(workload)) return { kind: 'Note', held: given };
    const waits = lives && holder.status?.phase !== 'Running' && !isEmptied(workload, holder, pods);
    if (!waits) return { kind: 'GiveBack', replicas: held.replicas, held: given };
    return held === said ? { kind: 'Wait' } : { kind: 'Note', held };
  }
  if (held !== undefined) return lives ? { kind: 'Leave' } : { kind: 'Note', held: undefined };

  const session = inTurn(sessions);
  if (session === undefined || !isAlive(session) || session.status?.phase === 'Running')
    return { kind: 'Leave' };
  if (awaitsPreRestore(session)) return { kind: 'Leave' };
  if (paused === true || replicas === 0 || !mustBeEmptied(workload, session)) return { kind: 'Leave' };
  if (isCarried(workload, session) && writersOf(session, pods).every(isGoing)) return { kind: 'Leave' };
  // Not before the session remembers the number too.
  if (session.status?.replicas !== replicas) return { kind: 'Wait' };
  return { kind: 'Take', held: { session: session.metadata.uid ?? '', replicas, isHeld: true }, session };
}

/**
 * Why `session` cannot begin yet for the sake of the old pods of `workload`; undefined where none can write into what is restored.
 *
 * @returns `replicas` where the session has to remember them before they are taken
 */
export function decideEmptying(
  workload: Workload,
  session: WorkloadRestore,
  pods: readonly Pod[],
): { reason: string; message: string; replicas?: number } | undefined {
  if (!mustBeEmptied(workload, session)) return undefined;
  const { kind, metadata, spec } = workload;
  const held = readHeld(workload);
  const isOwn = held?.session === session.metadata.uid;
  const writers = writersOf(session, pods);
  if (isOwn && held?.isHeld) {
    const message = `${kind} "${metadata.name}" is scaled to zero; it is scaled back to ${held.replicas} once its old pods are gone: ${namesOf(writers)}`;
    return { reason: 'ScaledToZero', message };
  }
  if (isCarried(workload, session) && writers.length === 0) return undefined;
  if (spec.paused && spec.replicas !== 0) {
    const message = `${kind} "${metadata.name}" is paused (spec.paused), so that its pods cannot be replaced; resume it, or scale it to zero`;
    return { reason: 'WorkloadPaused', message };
  }
  if (isOwn || spec.replicas === 0) {
    const message =
      writers.length > 0
        ? `waits until the old pods are gone: ${namesOf(writers)}`
        : `${kind} "${metadata.name}" does not have the init container that restores yet`;
    return { reason: 'OldPodsRun', message };
  }
  const message = `${kind} "${metadata.name}" is about to be scaled from ${spec.replicas ?? 1} to zero, since its pods would go on writing where it is restored`;
  return { reason: 'ScalingToZero', message, replicas: spec.replicas ?? 1 };
}

/** Whether a restore may have scaled `workload` to zero, as far as annotation and sessions tell. */
export function mayBeHeld(workload: Workload, sessions: readonly WorkloadRestore[]): boolean {
  if (workload.spec.replicas !== 0) return false;
  return readHeld(workload)?.isHeld === true || sessions.some(hasNumber);
}

/**
 * What a session knows of replicas that were taken, where the annotation says nothing of it: the one whose turn it is, or else, where
 * there is no annotation at all, the last that is over.
 */
function rememberedBy(
  sessions: readonly WorkloadRestore[],
  workload: Workload,
  said: HeldReplicas | undefined,
): HeldReplicas | undefined {
  const isByUs = managersOf(workload, 'spec', 'replicas').includes(FIELD_MANAGER);
  if (workload.spec.replicas !== 0 || !isByUs || isScaledByOthers(workload)) return undefined;
  const turn = inTurn(sessions);
  const end = ({ status }: WorkloadRestore) => instantOf(status?.completionTime);
  const over = said === undefined ? sessions.filter(isOver).sort((a, b) => end(b) - end(a)) : [];
  const session = [...(turn === undefined ? [] : [turn]), ...over].find(hasNumber);
  const { uid = '' } = session?.metadata ?? {};
  if (session === undefined || uid === said?.session) return undefined;
  return { session: uid, replicas: session.status?.replicas ?? 0, isHeld: true };
}

function hasNumber({ status }: WorkloadRestore): boolean {
  return (status?.replicas ?? 0) > 0;
}

function isScaledByOthers(workload: Workload): boolean {
  return managersOf(workload, 'spec', 'replicas').some((manager) => manager !== FIELD_MANAGER);
}

/** What the annotation says; undefined where there is none that can be read. */
export function readHeld({ metadata }: Workload): HeldReplicas | undefined {
  const value = parse(metadata.annotations?.[HELD_REPLICAS_ANNOTATION]);
  if (value === null || typeof value !== 'object') return undefined;
  const { session, replicas, isHeld } = value as Record<string, unknown>;
  if (typeof session !== 'string' || typeof isHeld !== 'boolean') return undefined;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) return undefined;
  return { session, replicas, isHeld };
}

/** Whether new pods of `workload` are restored before they begin. */
export function isCarried({ spec }: Workload, { metadata }: { metadata: { name: string } }): boolean {
  return readRecord(spec.template?.metadata?.annotations)?.restores.includes(metadata.name) === true;
}

/** The pods that write, or may, where `session` is to restore; those that are on their way out among them. */
export function writersOf({ metadata }: WorkloadRestore, pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => !hasEnded(pod) && !isHeld(pod, metadata.name));
}

/** Whether no old pod is left, and no new one can be one. */
function isEmptied(workload: Workload, session: WorkloadRestore, pods: readonly Pod[]): boolean {
  return isCarried(workload, session) && writersOf(session, pods).length === 0;
}

function isAlive(session: WorkloadRestore): boolean {
  return !isOver(session) && !session.spec.cancel && session.metadata.deletionTimestamp === undefined;
}

function isGoing({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function namesOf(pods: readonly Pod[]): string {
  const names = pods.slice(0, 8).map(({ metadata }) => metadata.name);
  return names.length === 0 ? 'none is left' : names.join(', ') + (pods.length > 8 ? ', …' : '');
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
