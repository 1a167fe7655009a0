import type { AdmissionRequest } from './review.ts';

/** What is answered to an {@link AdmissionRequest}. */
export type Verdict = Allowed | Refused;

export interface Allowed {
  allowed: true;
  /** Shown by kubectl, a line each. */
  warnings?: string[];
  /** Operations of RFC 6902, made on the raw object. */
  patch?: PatchOperation[];
}

export interface Refused {
  allowed: false;
  status: RefusalStatus;
  warnings?: string[];
}

export interface PatchOperation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

/** What the client gets to see, as the API server itself refuses (Kubernetes API reference, `meta/v1 Status`). */
export interface RefusalStatus {
  code: 403 | 422;
  reason: 'Forbidden' | 'Invalid';
  message: string;
  details?: {
    group: string;
    kind: string;
    name: string;
    causes: { reason: string; message: string; field: string }[];
  };
}

export const ALLOWED: Allowed = { allowed: true };

/** Answers a request at once: it may ask caches, and no API server. */
export type Handler = (request: AdmissionRequest) => Verdict;

/** Answers once a cache has what it needs. */
export type SlowHandler = (request: AdmissionRequest) => Promise<Verdict>;

/**
 * Longer ones may be cut by the API server: 256 characters each, 4096 in all.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
 */
const LONGEST_WARNING = 256;

const HEAD = '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":';

/** The AdmissionReview that answers `uid`, as JSON. */
export function answer(uid: string, verdict: Verdict): string {
  const head = `${HEAD}{"uid":${JSON.stringify(uid)},"allowed":${verdict.allowed}`;
  const { warnings = [] } = verdict;
  const said = warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings.map(shortened))}`;
  return `${head}${said}${verdict.allowed ? patchOf(verdict) : `,"status":${JSON.stringify(verdict.status)}`}}}`;
}

/** Put together as text: to let JSON.stringify look for what to escape in base64 costs as much as all the rest. */
function patchOf({ patch }: Allowed): string {
  if (patch === undefined || patch.length === 0) return '';
  return `,"patchType":"JSONPatch","patch":"${Buffer.from(JSON.stringify(patch)).toString('base64')}"`;
}

function shortened(warning: string): string {
  return warning.length > LONGEST_WARNING ? `${warning.slice(0, LONGEST_WARNING - 1)}…` : warning;
}
