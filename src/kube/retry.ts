import type { ApiRequest } from './connection.ts';
import type { ApiError } from './errors.ts';

/** To send it twice has the effect of sending it once. A JSON patch can append, so it is not. */
export function isIdempotent(request: ApiRequest): boolean {
  if (request.method === 'POST') return false;
  return request.method !== 'PATCH' || request.contentType !== 'application/json-patch+json';
}

/**
 * Milliseconds after which the server asks for the request again, or undefined where it does not or where to repeat is not safe.
 *
 * 429 comes before anything was done (API priority and fairness), so that every verb may be repeated; 503 may come after.
 */
export function repeatAfter(
  request: ApiRequest,
  error: ApiError,
  retryAfter: string | undefined,
): number | undefined {
  if (retryAfter === undefined || !/^\d{1,5}$/.test(retryAfter)) return undefined;
  if (error.status === 429 || (error.status === 503 && isIdempotent(request)))
    return Number(retryAfter) * 1000;
  return undefined;
}
