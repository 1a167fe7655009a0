import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { rawOf } from '../injection/raw.ts';
import { FIELD_MANAGER, managersOf } from '../kube/field-managers.ts';
import type { ApiObject } from '../kube/object.ts';

/**
 * How many replicas a restore took of `workload`, where no annotation may say so any more: `kubectl rollout undo` writes the annotations of a
 * Deployment anew. Who scaled it to zero is told by its `managedFields`, and how many there were by the session.
 *
 * @param sessions - of any target
 */
export function rememberedReplicas(
  workload: ApiObject,
  sessions: readonly RestoreSession[],
): number | undefined {
  const { kind, metadata } = workload;
  if (rawOf((workload as { spec?: unknown }).spec).replicas !== 0) return undefined;
  const managers = managersOf(workload, 'spec', 'replicas');
  if (managers.length === 0 || managers.some((manager) => manager !== FIELD_MANAGER)) return undefined;
  const [last] = sessions
    .filter(({ metadata: { namespace }, spec: { target }, status }) => {
      const isOfIt = namespace === metadata.namespace && target.ref.kind === kind;
      return isOfIt && target.ref.name === metadata.name && (status?.replicas ?? 0) > 0;
    })
    .sort((a, b) => endOf(b) - endOf(a));
  return last?.status?.replicas;
}

/** One that is not over is the last. */
function endOf(session: RestoreSession): number {
  return isOver(session) ? Date.parse(session.status?.completionTime ?? '') || 0 : Number.MAX_VALUE;
}
