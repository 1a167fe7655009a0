import type { Status, StatusDetails } from './object.ts';

/** The API server answered, and refused. `reason` is its stable code (`NotFound`, `Conflict`, …). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status. */
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails;
  /** Where a list whose token is too old may go on all the same, with what is there now. */
  readonly continue: string | undefined;

  constructor(status: number, answer: Partial<Status>, request?: { method: string; path: string }) {
    const message = answer.message ?? `the API server answered ${status} without a reason`;
    super(request === undefined ? message : `${request.method} ${request.path}: ${message}`);
    this.status = status;
    this.reason = answer.reason ?? 'Unknown';
    this.details = answer.details ?? {};
    this.continue = answer.metadata?.continue || undefined;
  }
}

/** No answer, or half of one: whether the request was carried out is unknown. To try again is always right. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code = 'ConnectionFailed';
  readonly server: string;

  constructor(server: string, problem: string, options?: ErrorOptions) {
    super(`API server ${server}: ${problem}`, options);
    this.server = server;
  }
}

/** The answer is longer than was asked for: ask for less at once. */
export class AnswerTooLongError extends Error {
  override readonly name = 'AnswerTooLongError';
}

/** What no repetition mends. A queue logs it, and waits for the object to change. */
export class TerminalError extends Error {
  override readonly name: string = 'TerminalError';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** The object changed since it was read, or another manager owns a field that was applied. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason === 'AlreadyExists';
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}

/** Nothing can be created any more, since the namespace is being deleted. */
export function isTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
  );
}

/** The resourceVersion or the continue token is too old: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired');
}

/** The object is there and breaks its schema, a rule or an admission check. */
export function isInvalid(error: unknown): boolean {
  return error instanceof ApiError && error.status === 422;
}

/** What `call` answers; undefined where the object is not there. */
export async function found<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
