import { HELD_REPLICAS_ANNOTATION } from '../api/annotations.ts';
import { isOfWorkload } from '../api/workload-target.ts';
import { isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { podsOf } from './agent-pods.ts';
import type { Context } from './context.ts';
import { decideReplicas, type HeldReplicas, isCarried, mayBeHeld, readHeld } from './held-replicas.ts';
import { inTurn } from './restore-queue.ts';
import { mustBeEmptied } from './restore-target.ts';
import { resourceOf, type Workload } from './workload.ts';

/** How often the pods are looked at while they go, in milliseconds. */
const LOOK_EVERY = 1_000;

/** How often it is tried again where the webhook does not answer, in milliseconds. */
const RETRY = 5_000;

/**
 * Does this Deployment have the replicas that a restore needs? Takes them where old pods would go on writing into the volume that is
 * restored, and gives them back.
 */
export function workloadReplicas(context: Context): Reconciler {
  const { client, caches, log } = context;
  return async (key) => {
    const known = caches.workloads.get(key);
    if (known === undefined || known.metadata.deletionTimestamp !== undefined) return undefined;
    const sessions = caches.restoreSessions.byIndex('target', key).filter(isOfWorkload);
    const session = inTurn(sessions);
    const isConcerned = session !== undefined && mustBeEmptied(known, session);
    const isAtZero = mayBeHeld(known, sessions);
    if (readHeld(known) === undefined && !isConcerned && !isAtZero) return undefined;

    // Who scaled it is told by managedFields, which the caches do without.
    const workload = isAtZero ? await current(known) : known;
    if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) return undefined;
    const decision = decideReplicas(workload, sessions, await podsOf(client, workload));
    switch (decision.kind) {
      case 'Leave':
        return undefined;
      case 'Wait':
        return { requeueAfter: LOOK_EVERY };
      case 'Note':
        await write(workload, decision.held);
        return undefined;
      case 'GiveBack': {
        await write(workload, decision.held, decision.replicas);
        const note = `scaled back to ${decision.replicas}, as before the restore`;
        log.info({ workload: key, replicas: decision.replicas }, note);
        record(workload, 'ReplicasGivenBack', note);
        return undefined;
      }
      case 'Take':
        return take(key, workload, decision.held, decision.session.metadata.name);
    }
  };

  async function take(
    key: string,
    workload: Workload,
    held: HeldReplicas,
    session: string,
  ): Promise<Outcome | undefined> {
    // The same write puts the init container in. Without it the workload would be down until the webhook answers again.
    const rehearsed = await write(workload, held, 0, true);
    if (rehearsed === undefined) return undefined;
    if (!isCarried(rehearsed, { metadata: { name: session } })) {
      log.warn({ workload: key, session }, 'not scaled to zero: the webhook does not put the restore in');
      return { requeueAfter: RETRY };
    }
    await write(workload, held, 0);
    const note = `scaled from ${held.replicas} to zero for RestoreSession ${session}, until the old pods are gone`;
    log.info({ workload: key, session, replicas: held.replicas }, note);
    record(workload, 'ScaledToZero', note);
    return { requeueAfter: LOOK_EVERY };
  }

  async function current(workload: Workload): Promise<Workload | undefined> {
    const { name, namespace } = workload.metadata;
    try {
      return await client.get<Workload>(resourceOf(workload), name, namespace);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Replicas and annotation in one write, which fails where the workload has changed since it was looked at. */
  async function write(
    workload: Workload,
    held: HeldReplicas | undefined,
    replicas?: number,
    dryRun = false,
  ): Promise<Workload | undefined> {
    const { name, namespace, resourceVersion } = workload.metadata;
    const annotations = { [HELD_REPLICAS_ANNOTATION]: held === undefined ? null : JSON.stringify(held) };
    const patch = {
      metadata: { resourceVersion, annotations },
      ...(replicas !== undefined && { spec: { replicas } }),
    };
    try {
      return await client.mergePatch<Workload>(resourceOf(workload), name, namespace, patch, {
        fieldManager: FIELD_MANAGER,
        dryRun,
      });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  function record(workload: Workload, reason: string, note: string): void {
    context.events.record({ type: 'Normal', reason, action: 'Scale', note, regarding: workload });
  }
}
