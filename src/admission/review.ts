import { isRecord } from './record.ts';

/**
 * What the API server asks: the request of an AdmissionReview.
 *
 * Source: Kubernetes API reference, `admission/v1`.
 */
export interface AdmissionRequest {
  uid: string;
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** What the object is sent as, which is what the webhook is registered for. */
  kind: { group: string; version: string; kind: string };
  subResource: string;
  /** Empty where the object is yet to be named (`generateName`). */
  name: string;
  /** Empty for what has no namespace. */
  namespace: string;
  userInfo: UserInfo;
  /** Raw, and absent at DELETE. */
  object: Record<string, unknown> | undefined;
  /** Raw, and absent at CREATE. */
  oldObject: Record<string, unknown> | undefined;
}

export interface UserInfo {
  username: string;
  extra: Record<string, string[]>;
}

/** The request is no AdmissionReview of version 1. The message says what is wrong with it. */
export class InvalidReviewError extends Error {
  override readonly name = 'InvalidReviewError';
  readonly code = 'InvalidReview';
}

const REVIEW_VERSION = 'admission.k8s.io/v1';
const OPERATIONS = new Set(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']);

/**
 * The request in `body`, the parsed JSON of an AdmissionReview. Its objects are taken as they are: only the envelope is checked.
 *
 * @throws {InvalidReviewError}
 */
export function parseReview(body: unknown): AdmissionRequest {
  if (!isRecord(body)) throw new InvalidReviewError('the body is no AdmissionReview: it is no JSON object');
  if (body.kind !== 'AdmissionReview' || body.apiVersion !== REVIEW_VERSION) {
    throw new InvalidReviewError(
      `the body is ${String(body.apiVersion)} ${String(body.kind)}, and not ${REVIEW_VERSION} AdmissionReview`,
    );
  }
  const request = record(body, 'request');
  const operation = text(request, 'operation');
  if (!OPERATIONS.has(operation)) {
    throw new InvalidReviewError(
      `request.operation is "${operation}", and none of ${[...OPERATIONS].join(', ')}`,
    );
  }
  const kind = record(request, 'kind');
  return {
    uid: text(request, 'uid'),
    operation: operation as AdmissionRequest['operation'],
    kind: { group: optionalText(kind, 'group'), version: text(kind, 'version'), kind: text(kind, 'kind') },
    subResource: optionalText(request, 'subResource'),
    name: optionalText(request, 'name'),
    namespace: optionalText(request, 'namespace'),
    userInfo: userInfo(request),
    object: optionalRecord(request, 'object'),
    oldObject: optionalRecord(request, 'oldObject'),
  };
}

function userInfo(request: Record<string, unknown>): UserInfo {
  const info = optionalRecord(request, 'userInfo') ?? {};
  const extra: Record<string, string[]> = {};
  for (const [key, values] of Object.entries(optionalRecord(info, 'extra') ?? {})) {
    if (Array.isArray(values)) extra[key] = values.map(String);
  }
  return { username: optionalText(info, 'username'), extra };
}

function record(parent: Record<string, unknown>, field: string): Record<string, unknown> {
  const value = parent[field];
  if (!isRecord(value)) throw new InvalidReviewError(`${field} is ${describe(value)}, and no object`);
  return value;
}

/** A Go nil comes as null or not at all. */
function optionalRecord(parent: Record<string, unknown>, field: string): Record<string, unknown> | undefined {
  return parent[field] === undefined || parent[field] === null ? undefined : record(parent, field);
}

function text(parent: Record<string, unknown>, field: string): string {
  const value = parent[field];
  if (typeof value !== 'string' || value === '') {
    throw new InvalidReviewError(`${field} is ${describe(value)}, and no text`);
  }
  return value;
}

function optionalText(parent: Record<string, unknown>, field: string): string {
  const value = parent[field];
  if (value === undefined || value === null || value === '') return '';
  return text(parent, field);
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (value === '') return 'empty';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
