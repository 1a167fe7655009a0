import type { Logger } from 'pino';
import { INJECTED_ANNOTATION, ON_NEXT_UPDATE_ANNOTATION, REFUSED_ANNOTATION } from '../api/annotations.ts';
import { inject, resume } from '../injection/inject.ts';
import type { InjectionProblem } from '../injection/problem.ts';
import { carryRefusal } from '../injection/refusal.ts';
import type { InjectionOptions, Wanted } from '../injection/wanted.ts';
import { recordOf } from './record.ts';
import type { AdmissionRequest } from './review.ts';
import { patchBetween } from './template-patch.ts';
import { ALLOWED, type Allowed, type Handler } from './verdict.ts';

export interface MutationOptions {
  /** What the caches say that a workload should carry, which they may not know yet. It asks no API server. */
  wantedFor(namespace: string, kind: string, name: string, workload: object): Wanted;
  /** What of it may be put in where the owner does not change the template; undefined: nothing is touched. */
  wantedAtRest(namespace: string, wanted: Wanted, workload: object): Wanted | undefined;
  /** Of the installation. */
  injection: InjectionOptions;
  log: Pick<Logger, 'error'>;
}

/**
 * Puts into a workload what is wanted, as it is created or changed: the patch is made against the raw object, and names what is put in
 * and taken out alone.
 *
 * It never refuses, and never fails: a workload is worth more than its sidecar. A dry run gets the same answer as a real one, so that
 * `kubectl diff` shows what will be.
 */
export function mutateWorkloads({ wantedFor, wantedAtRest, injection, log }: MutationOptions): Handler {
  return (request) => {
    const { namespace, name } = request;
    const { object } = request;
    if (object === undefined || !concernsUs(request)) return ALLOWED;
    try {
      const wanted = wantedFor(namespace, request.kind.kind, name, object);
      const { oldObject } = request;
      const resumed = oldObject === undefined ? object : asBefore(object, oldObject, injection);
      const due = isAtRest(resumed, oldObject, wanted) ? wantedAtRest(namespace, wanted, resumed) : wanted;
      const { workload, problems } =
        due === undefined ? { workload: resumed, problems: [] } : inject(resumed, due, injection);
      return verdictOf(object, workload, problems);
    } catch (error) {
      log.error(
        { err: error, namespace, name, kind: request.kind.kind },
        'nothing was injected, by a fault of ours',
      );
      return {
        allowed: true,
        warnings: [
          `stash: nothing was put into ${request.kind.kind} ${name}, by a fault of Stash; its log tells why`,
        ],
      };
    }
  };
}

/** An object that has no name yet (`generateName`) is nobody's target, and one that goes needs nothing. */
function concernsUs({ operation, subResource, name, object }: AdmissionRequest): boolean {
  if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
  return subResource === '' && name !== '' && recordOf(object?.metadata).deletionTimestamp === undefined;
}

/** `object` with what was in it and on it until now, where its owner wrote it whole and knows nothing of that. */
function asBefore(object: RawObject, oldObject: RawObject, injection: InjectionOptions): RawObject {
  const resumed = resume(object, oldObject, injection);
  const marked = carryRefusal(resumed, oldObject);
  const patience = recordOf(recordOf(oldObject.metadata).annotations)[ON_NEXT_UPDATE_ANNOTATION];
  // Where the sidecar was not left out too, it is the operator that takes the mark away.
  if (resumed === object || patience === undefined) return marked;
  const metadata = recordOf(marked.metadata);
  const annotations = { [ON_NEXT_UPDATE_ANNOTATION]: patience, ...recordOf(metadata.annotations) };
  return { ...marked, metadata: { ...metadata, annotations } };
}

/** The object changes and its template does not: a label, an annotation, the number of replicas. */
function isAtRest(object: RawObject, oldObject: RawObject | undefined, wanted: Wanted): boolean {
  if (oldObject === undefined) return false;
  const [template, before] = [templateOf(object), templateOf(oldObject)];
  const hasOurs = recordOf(recordOf(template.metadata).annotations)[INJECTED_ANNOTATION] !== undefined;
  if (wanted.backups.length === 0 && !hasOurs) return false;
  return template === before || JSON.stringify(template) === JSON.stringify(before);
}

type RawObject = Record<string, unknown>;

const templateOf = (object: RawObject | undefined) => recordOf(recordOf(object?.spec).template);

function verdictOf(object: RawObject, workload: RawObject, problems: InjectionProblem[]): Allowed {
  if (workload === object && problems.length === 0) return ALLOWED;
  const patch = [
    ...markPatch(object, workload, problems),
    ...patchBetween(templateOf(object), templateOf(workload), '/spec/template'),
  ];
  return { allowed: true, warnings: problems.map(describe), ...(patch.length > 0 && { patch }) };
}

/**
 * Puts back what was remembered on the workload and its owner left out of what it wrote: the mark of a refusal, while it leaves something
 * out, and what waits for the next update.
 */
function markPatch(object: RawObject, workload: RawObject, problems: InjectionProblem[]) {
  const metadata = recordOf(object.metadata);
  const written = recordOf(metadata.annotations);
  const carried = recordOf(recordOf(workload.metadata).annotations);
  const isRefused = problems.some(({ reason }) => reason === 'PodsRefused');
  const marks = [...(isRefused ? [REFUSED_ANNOTATION] : []), ON_NEXT_UPDATE_ANNOTATION]
    .filter((name) => written[name] === undefined && carried[name] !== undefined)
    .map((name) => [name, carried[name]]);
  if (marks.length === 0) return [];
  const annotations = { ...written, ...Object.fromEntries(marks) };
  return patchBetween(metadata, { ...metadata, annotations }, '/metadata');
}

function describe({ subject, name, path, message }: InjectionProblem): string {
  return `stash: ${subject} ${name} is left out: ${path}: ${message}`;
}
