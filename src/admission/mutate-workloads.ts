import type { Logger } from 'pino';
import { inject, resume } from '../injection/inject.ts';
import type { InjectionProblem } from '../injection/problem.ts';
import type { InjectionOptions, Wanted } from '../injection/wanted.ts';
import { recordOf } from './record.ts';
import type { AdmissionRequest } from './review.ts';
import { patchBetween } from './template-patch.ts';
import { ALLOWED, type Allowed, type Handler } from './verdict.ts';

export interface MutationOptions {
  /** What the caches say that a workload should carry. It asks no API server. */
  wantedFor(namespace: string, kind: string, name: string): Wanted;
  /** What of it may be put in where the owner does not change the template, whose annotations are given; undefined: nothing is touched. */
  wantedAtRest(namespace: string, wanted: Wanted, annotations: unknown): Wanted | undefined;
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
      const wanted = wantedFor(namespace, request.kind.kind, name);
      const resumed = request.oldObject === undefined ? object : resume(object, request.oldObject, injection);
      const due = isAtRest(resumed, request.oldObject, wanted)
        ? wantedAtRest(namespace, wanted, recordOf(templateOf(resumed).metadata).annotations)
        : wanted;
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

/** The object changes and its template does not: a label, an annotation, the number of replicas. */
function isAtRest(object: RawObject, oldObject: RawObject | undefined, wanted: Wanted): boolean {
  if (oldObject === undefined || wanted.backups.length === 0) return false;
  const [template, before] = [templateOf(object), templateOf(oldObject)];
  return template === before || JSON.stringify(template) === JSON.stringify(before);
}

type RawObject = Record<string, unknown>;

const templateOf = (object: RawObject | undefined) => recordOf(recordOf(object?.spec).template);

function verdictOf(object: RawObject, workload: RawObject, problems: InjectionProblem[]): Allowed {
  if (workload === object && problems.length === 0) return ALLOWED;
  const patch = patchBetween(templateOf(object), templateOf(workload), '/spec/template');
  return { allowed: true, warnings: problems.map(describe), ...(patch.length > 0 && { patch }) };
}

function describe({ subject, name, path, message }: InjectionProblem): string {
  return `stash: ${subject} ${name} is left out: ${path}: ${message}`;
}
