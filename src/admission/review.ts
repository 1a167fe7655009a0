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
  const request = needed('request', body.request);
  const operation = neededText('request.operation', request.operation);
  if (!OPERATIONS.has(operation)) {
    throw new InvalidReviewError(
      `request.operation is "${operation}", and none of ${[...OPERATIONS].join(', ')}`,
    );
  }
  const kind = needed('request.kind', request.kind);
  return {
    uid: neededText('request.uid', request.uid),
    operation: operation as AdmissionRequest['operation'],
    kind: {
      group: text('request.kind.group', kind.group),
      version: neededText('request.kind.version', kind.version),
      kind: neededText('request.kind.kind', kind.kind),
    },
    subResource: text('request.subResource', request.subResource),
    name: text('request.name', request.name),
    namespace: text('request.namespace', request.namespace),
    userInfo: userInfo(record('request.userInfo', request.userInfo) ?? {}),
    object: record('request.object', request.object),
    oldObject: record('request.oldObject', request.oldObject),
  };
}

function userInfo(info: Record<string, unknown>): UserInfo {
  const extra: Record<string, string[]> = {};
  for (const [key, values] of Object.entries(record('request.userInfo.extra', info.extra) ?? {})) {
    if (Array.isArray(values)) extra[key] = values.map(String);
  }
  return { username: text('request.userInfo.username', info.username), extra };
}

function needed(path: string, value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new InvalidReviewError(`${path} is ${describe(value)}, and no object`);
  return value;
}

/** A Go nil comes as null or not at all. */
function record(path: string, value: unknown): Record<string, unknown> | undefined {
  return value === undefined || value === null ? undefined : needed(path, value);
}

function neededText(path: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw new InvalidReviewError(`${path} is ${describe(value)}, and no text`);
  }
  return value;
}

function text(path: string, value: unknown): string {
  return value === undefined || value === null || value === '' ? '' : neededText(path, value);
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (value === '') return 'empty';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
