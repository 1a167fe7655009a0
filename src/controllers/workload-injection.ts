import {
  LEARNT_ANNOTATION,
  ON_NEXT_UPDATE_ANNOTATION,
  REFUSED_ANNOTATION,
  REQUESTED_ANNOTATION,
} from '../api/annotations.ts';
import { canonicalJSON, shortHash } from '../api/names.ts';
import type { ObjectMeta } from '../api/object.ts';
import { isOfWorkload } from '../api/workload-target.ts';
import { hasDrifted, learntOf, stateOf } from '../injection/drift.ts';
import { inject } from '../injection/inject.ts';
import { readRecord } from '../injection/record.ts';
import { isRefused, isVoid, writeRefusal } from '../injection/refusal.ts';
import type { Wanted } from '../injection/wanted.ts';
import { editionOf } from '../injection/wanted-by.ts';
import { isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import { keyOf } from '../kube/object.ts';
import type { Reconciler } from '../kube/queue.ts';
import type { Context } from './context.ts';
import { readHeld } from './held-replicas.ts';
import { patienceOf, patienceOn } from './patience.ts';
import type { RefusalWatch } from './refusal-watch.ts';
import { mayBeOurs } from './refused-pods.ts';
import { inTurn } from './restore-queue.ts';
import { mustBeEmptied } from './restore-target.ts';
import { wantedAtRest, wantedFor } from './wanted.ts';
import { resourceOf, type Workload } from './workload.ts';
import { keyOfWorkload } from './workload-caches.ts';

/** Between the first two touches for the same reason, and at most; doubled each time. In milliseconds. */
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 300_000;

/** A touch so long ago has nothing to do with what is found now. */
const FORGOTTEN_AFTER = 600_000;

/** So many touches for the same reason are worth an Event. */
const SUSPICIOUS = 3;

/** So many touches that put nothing right tell that what stands there is how it always ends: a release of Kubernetes has new defaults. */
const RESIGNED = 6;

/** Annotations of a workload's metadata, each with its value, or null where it is to go. */
type Notes = Record<string, string | null>;

interface Touches {
  /** Of what was wanted. */
  hash: string;
  count: number;
  lastAt: number;
}

/**
 * Does this workload carry what is wanted of it? Where it does not, an annotation of its metadata is touched, so that it passes
 * through the webhook, which is the one way in. Where that has no effect (the webhook did not answer, or another controller takes
 * out what is put in), the touches become rarer and an Event says so: two that disagree must not loop (stash#1308).
 *
 * Where its pods are refused with what was put in, that is taken out again and stays out until something has changed: the workload is
 * marked for it, see {@link writeRefusal}.
 *
 * Where it carries what is wanted, it is learnt what became of the parts, so that a later change of them is found and put right ({@link hasDrifted}).
 */
export function workloadInjection(context: Context, refusals: RefusalWatch): Reconciler {
  const { client, caches, clock, log } = context;
  const touches = new Map<string, Touches>();
  return async (key) => {
    const workload = caches.workloads.get(key);
    if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) {
      touches.delete(key);
      refusals.forget(key);
      return undefined;
    }
    if (isBeingRestored(key)) return undefined;
    const { refused, lookAgainAfter } = await refusals.look(workload);
    if (refused !== undefined && mayBeOurs(workload) && !isRefused(workload)) {
      await takeOut(key, workload, refused);
      return undefined;
    }
    const later = lookAgainAfter === undefined ? undefined : { requeueAfter: lookAgainAfter };
    const wanted = wantedNow(workload);
    if (wanted === undefined || !inject(workload, wanted, context.injection).changed) {
      const notes = { ...(isToBeLearnt(workload) && learntNow(workload)), ...patienceNow(workload) };
      if (Object.keys(notes).length > 0 || hasVoidMark(workload)) await note(workload, notes);
      return later;
    }

    const now = clock.now();
    const hash = shortHash(canonicalJSON(wanted), 16);
    const before = touches.get(key);
    const isSame = before !== undefined && before.hash === hash && now - before.lastAt < FORGOTTEN_AFTER;
    const { count, lastAt } = isSame ? before : { count: 0, lastAt: 0 };
    const early = lastAt + pause(count) - now;
    if (early > 0) return { requeueAfter: early };

    const touched = await touch(workload, hash);
    if (touched === undefined) return undefined;
    touches.set(key, { hash, count: count + 1, lastAt: now });
    const hadEffect = !inject(touched, wanted, context.injection).changed;
    if (hadEffect)
      log.info({ workload: key, carries: wantedNames(wanted) }, 'the workload was brought up to date');
    if (count + 1 >= SUSPICIOUS) warn(touched, hadEffect);
    if (!hadEffect && count + 1 >= RESIGNED && hasDrifted(touched)) {
      await note(touched, learntNow(touched));
      return undefined;
    }
    return hadEffect ? undefined : { requeueAfter: pause(count + 1) };
  };

  /** New pods would end those in which a restore runs; its end leads here again. */
  function isBeingRestored(key: string): boolean {
    return caches.restoreSessions.byIndex('target', key).some(({ status }) => status?.phase === 'Running');
  }

  /** What is wanted, less the restore for which the workload is scaled first: it comes in with that very write, without a rollout. */
  function wantedNow(workload: Workload): Wanted | undefined {
    const { namespace = '', name } = workload.metadata;
    const wanted = wantedFor(caches, namespace, workload.kind, name);
    const session = inTurn(
      caches.restoreSessions.byIndex('target', keyOfWorkload(workload)).filter(isOfWorkload),
    );
    const isScaledFirst =
      session !== undefined &&
      workload.spec.replicas !== 0 &&
      readHeld(workload)?.session !== session.metadata.uid &&
      mustBeEmptied(workload, session);
    const due = isScaledFirst ? { ...wanted, restores: [] } : wanted;
    return wantedAtRest(caches, namespace, due, workload);
  }

  /**
   * Marks the workload, so that the webhook takes out what its pods are refused with. A restore has come last, and goes first: the
   * sidecar may have been admitted for long.
   */
  async function takeOut(key: string, workload: Workload, refused: string): Promise<void> {
    const { name, namespace, resourceVersion } = workload.metadata;
    const record = readRecord(workload.spec.template?.metadata?.annotations);
    const { backups = [], restores = [] } = record ?? {};
    const asking: readonly { metadata: ObjectMeta }[] =
      restores.length > 0
        ? caches.restoreSessions
            .byIndex('target', key)
            .filter((each) => restores.includes(each.metadata.name))
        : caches.configurations.byIndex('target', key).filter((each) => backups.includes(each.metadata.name));
    const mark = writeRefusal(workload, editionsOf(asking), refused, context.injection);
    const metadata = { resourceVersion, annotations: { [REFUSED_ANNOTATION]: mark } };
    try {
      await client.mergePatch(
        resourceOf(workload),
        name,
        namespace,
        { metadata },
        { fieldManager: FIELD_MANAGER },
      );
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    const what = restores.length > 0 ? 'the init container that restores' : 'the sidecar';
    const note = `its pods cannot be created with ${what} in them, so that it is taken out again: ${refused}`;
    log.warn({ workload: key }, note);
    context.events.record({
      type: 'Warning',
      reason: 'PodsRefused',
      action: 'TakeOut',
      note,
      regarding: workload,
    });
  }

  function hasVoidMark(workload: Workload): boolean {
    const key = keyOfWorkload(workload);
    const asking = [
      ...caches.configurations.byIndex('target', key),
      ...caches.restoreSessions.byIndex('target', key),
    ];
    return isVoid(workload, editionsOf(asking), context.injection);
  }

  /** Takes the mark of an earlier refusal along, where it leaves nothing out any more. */
  function withoutVoidMark(workload: Workload, annotations: Notes) {
    return hasVoidMark(workload) ? { ...annotations, [REFUSED_ANNOTATION]: null } : annotations;
  }

  async function touch(workload: Workload, hash: string): Promise<Workload | undefined> {
    const { name, namespace } = workload.metadata;
    const patch = { metadata: { annotations: withoutVoidMark(workload, { [REQUESTED_ANNOTATION]: hash }) } };
    try {
      return await client.mergePatch<Workload>(resourceOf(workload), name, namespace, patch, {
        fieldManager: FIELD_MANAGER,
      });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** What is to be remembered of the rollouts that are waited for, where something else is remembered. */
  function patienceNow(workload: Workload): Notes {
    const { namespace = '' } = workload.metadata;
    const record = readRecord(workload.spec.template?.metadata?.annotations);
    const patience = patienceOf(caches, namespace, workload, record);
    return patience === patienceOn(workload) ? {} : { [ON_NEXT_UPDATE_ANNOTATION]: patience ?? null };
  }

  /** Writes what is known of the workload as it stands into its annotations. */
  async function note(workload: Workload, notes: Notes): Promise<void> {
    const { name, namespace, resourceVersion } = workload.metadata;
    const annotations = withoutVoidMark(workload, notes);
    try {
      // The version goes along: what was changed meanwhile was not looked at.
      await client.mergePatch(
        resourceOf(workload),
        name,
        namespace,
        { metadata: { resourceVersion, annotations } },
        {
          fieldManager: FIELD_MANAGER,
        },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  function warn(workload: Workload, hadEffect: boolean): void {
    const note = hadEffect
      ? 'another controller takes out of the workload what its BackupConfigurations and RestoreSessions want in it; it is put back ever more rarely'
      : 'the workload does not carry what its BackupConfigurations and RestoreSessions want, and a touch has no effect: does the admission webhook answer?';
    const reason = hadEffect ? 'InjectionReverted' : 'InjectionHadNoEffect';
    log.warn({ workload: keyOf(workload) }, note);
    context.events.record({ type: 'Warning', reason, action: 'Inject', note, regarding: workload });
  }
}

/** What is in the workload now is how it should be. */
function learntNow(workload: Workload): Notes {
  return { [LEARNT_ANNOTATION]: stateOf(workload) ?? null };
}

/** Nothing was learnt of this injection yet, or something of one that is gone. */
function isToBeLearnt(workload: Workload): boolean {
  if (stateOf(workload) !== undefined) return learntOf(workload) === undefined;
  return workload.metadata.annotations?.[LEARNT_ANNOTATION] !== undefined;
}

function editionsOf(asking: readonly { metadata: ObjectMeta }[]): string[] {
  return asking.flatMap(({ metadata }) => editionOf(metadata) ?? []);
}

function pause(count: number): number {
  return count === 0 ? 0 : Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** (count - 1));
}

function wantedNames(wanted: Wanted): string[] {
  return [...wanted.backups, ...wanted.restores].map(({ name }) => name);
}
