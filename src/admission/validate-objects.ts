import { KINDS, type Kind } from '../api/kinds.ts';
import { canonicalJSON } from '../api/names.ts';
import { apiVersionOf } from '../api/resources.ts';
import { problemsOf } from '../rules/object.ts';
import { recordOf } from './record.ts';
import { type Findings, verdictOf } from './refusal.ts';
import type { AdmissionRequest } from './review.ts';
import { ALLOWED, type Handler, type Verdict } from './verdict.ts';

export interface ObjectOptions {
  /**
   * What keeps an object from the workload that it names, as the caches have that; asked of objects that are right in themselves. It
   * asks no API server.
   */
  targetProblems(kind: Kind, object: unknown, oldObject?: unknown): Findings;
}

/**
 * Refuses what is wrong with an object of ours, all of it at once, with status 422 and a cause for each field; what is only
 * unwise is a warning.
 *
 * An object whose spec stays as it was is always admitted, and so is one that is being deleted: no finalizer, label or status may
 * ever be refused because of an old mistake.
 */
export function validateObjects(options: ObjectOptions): Handler {
  return (request) => {
    const { object, oldObject } = request;
    if (object === undefined || request.subResource !== '') return ALLOWED;
    if (recordOf(object.metadata).deletionTimestamp !== undefined) return ALLOWED;
    if (oldObject !== undefined && canonicalJSON(object.spec) === canonicalJSON(oldObject.spec))
      return ALLOWED;
    const kind = kindOf(request);
    if (kind === undefined) return ALLOWED;
    return judge(request, kind, object, options);
  };
}

function judge(
  request: AdmissionRequest,
  kind: Kind,
  object: Record<string, unknown>,
  { targetProblems }: ObjectOptions,
): Verdict {
  const { oldObject, namespace, name } = request;
  const own = problemsOf(kind, object, oldObject);
  if (own.problems.length > 0) return verdictOf(request, kind, own);
  // At the creation of an object its metadata may still be without its namespace.
  const placed = { ...object, metadata: { ...recordOf(object.metadata), namespace, name } };
  const { problems, warnings } = targetProblems(kind, placed, oldObject);
  return verdictOf(request, kind, { problems, warnings: [...own.warnings, ...warnings] });
}

function kindOf({ kind }: AdmissionRequest): Kind | undefined {
  return KINDS.find((one) => one.kind === kind.kind && apiVersionOf(one) === apiVersionOf(kind));
}
