import type { Logger } from 'pino';
import type { InjectionResult } from '../injection/inject.ts';
import type { InjectionProblem } from '../injection/problem.ts';
import type { Wanted } from '../injection/wanted.ts';
import { recordOf } from './record.ts';
import type { AdmissionRequest } from './review.ts';
import { ALLOWED, type Allowed, type Handler } from './verdict.ts';

export interface MutationOptions {
  /** What the caches say that a workload should carry. It asks no API server. */
  wantedFor(namespace: string, kind: string, name: string): Wanted;
  /** What of it may be put in where the owner does not change the template, whose annotations are given; undefined: nothing is touched. */
  wantedAtRest(namespace: string, wanted: Wanted, annotations: unknown): Wanted | undefined;
  /** The pure `inject`, with the options of the installation. */
  inject(workload: Record<string, unknown>, wanted: Wanted): InjectionResult;
  log: Pick<Logger, 'error'>;
}

/**
 * Puts into a workload what is wanted, as it is created or changed: one operation that replaces the pod template, which is made
 * from the raw object.
 *
 * It never refuses, and never fails: a workload is worth more than its sidecar. A dry run gets the same answer as a real one, so that
 * `kubectl diff` shows what will be.
 */
export function mutateWorkloads({ wantedFor, wantedAtRest, inject, log }: MutationOptions): Handler {
  return (request) => {
    const { namespace, name } = request;
    const { object } = request;
    if (object === undefined || !concernsUs(request)) return ALLOWED;
    try {
      const wanted = wantedFor(namespace, request.kind.kind, name);
      const due = isAtRest(request, wanted)
        ? wantedAtRest(namespace, wanted, recordOf(templateOf(object).metadata).annotations)
        : wanted;
      return due === undefined ? ALLOWED : verdictOf(inject(object, due));
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
function isAtRest({ object, oldObject }: AdmissionRequest, wanted: Wanted): boolean {
  if (oldObject === undefined || wanted.backups.length === 0) return false;
  return JSON.stringify(templateOf(object)) === JSON.stringify(templateOf(oldObject));
}

const templateOf = (object: Record<string, unknown> | undefined) => recordOf(recordOf(object?.spec).template);

function verdictOf({ workload, changed, problems }: InjectionResult): Allowed {
  if (!changed && problems.length === 0) return ALLOWED;
  const value = recordOf(workload.spec).template;
  return {
    allowed: true,
    warnings: problems.map(describe),
    ...(changed && { patch: [{ op: 'replace', path: '/spec/template', value }] }),
  };
}

function describe({ subject, name, path, message }: InjectionProblem): string {
  return `stash: ${subject} ${name} is left out: ${path}: ${message}`;
}
