import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { type Clock, sleep, systemClock } from './clock.ts';
import type { ApiRequest, ApiResponse, Connection } from './connection.ts';
import { AnswerTooLongError, ApiError, ConnectionError } from './errors.ts';
import { jsonLines } from './json-lines.ts';
import type { Status } from './object.ts';
import { isIdempotent, repeatAfter } from './retry.ts';

/** Where an API server is, and who asks it. */
export interface Endpoint {
  /** An https URL, with a path where the server is behind one. */
  server: string;
  /** Is asked before every request and keeps its own cache. `renew`: the server took the last ones for invalid. */
  credentials(renew: boolean): Promise<Credentials>;
}

/** The agent only where a proxy is to be used. */
export type Credentials = Pick<
  RequestOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'pfx'
  | 'passphrase'
  | 'rejectUnauthorized'
  | 'servername'
  | 'headers'
  | 'auth'
  | 'agent'
>;

export interface ConnectionOptions {
  /** Requests under way at once, 32 by default; the others wait their turn. Streams are not counted. */
  maxSockets?: number;
  /** Up to its first slash the default field manager. `stash` by default. */
  userAgent?: string;
  clock?: Clock;
  random?: () => number;
}

const requestTimeoutMs = 30_000;
const maxRepetitions = 5;

/** The API server closes what was idle for 90 s, so that we have to be first: a request into a closing socket is lost. */
const idleSocketMs = 60_000;
const tcpKeepAliveMs = 30_000;

/** @throws {TypeError} where the server is not an https URL: credentials go over nothing else */
export function createConnection(endpoint: Endpoint, options: ConnectionOptions = {}): Connection {
  const { maxSockets = 32, userAgent = 'stash', clock = systemClock, random = Math.random } = options;
  const base = new URL(endpoint.server);
  if (base.protocol !== 'https:')
    throw new TypeError(`API server ${endpoint.server}: the URL has to be https`);
  const requests = new Agent({
    keepAlive: true,
    keepAliveMsecs: tcpKeepAliveMs,
    maxSockets,
    timeout: idleSocketMs,
  });
  // Watches last for minutes: they may not take the requests' sockets.
  const streams = new Agent();
  const failed = (cause: unknown): ConnectionError => {
    if (cause instanceof ConnectionError) return cause;
    return new ConnectionError(base.host, cause instanceof Error ? cause.message : String(cause), { cause });
  };

  async function send(
    request: ApiRequest,
    agent: Agent,
    signal: AbortSignal,
    renew: boolean,
  ): Promise<Answer> {
    const credentials = await endpoint.credentials(renew);
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const sent = httpsRequest({
      agent,
      ...credentials,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? 443 : base.port,
      method: request.method,
      path: base.pathname.replace(/\/$/, '') + request.path + queryString(request.query),
      signal,
      headers: {
        ...credentials.headers,
        accept: 'application/json',
        'user-agent': userAgent,
        ...(body !== undefined && {
          'content-type': request.contentType ?? 'application/json',
          'content-length': body.length,
        }),
      },
    });
    return new Promise((resolve, reject) => {
      sent.on('response', (message) => resolve({ message, reusedSocket: sent.reusedSocket }));
      sent.on('error', (error) => reject(Object.assign(error, { reusedSocket: sent.reusedSocket })));
      sent.end(body);
    });
  }

  /** One attempt: the headers are there and say 2xx, or it throws. */
  async function attempt(
    request: ApiRequest,
    agent: Agent,
    signal: AbortSignal,
    renew: boolean,
  ): Promise<IncomingMessage> {
    const { message } = await send(request, agent, signal, renew);
    const status = message.statusCode ?? 0;
    if (status >= 200 && status < 300) return message;
    const error = new ApiError(status, parseStatus(await readAll(message)), request);
    throw new Refusal(error, repeatAfter(request, error, message.headers['retry-after']));
  }

  async function open(
    request: ApiRequest,
    agent: Agent,
    signal: AbortSignal,
    until: number,
  ): Promise<IncomingMessage> {
    let renew = false;
    let resent = false;
    for (let repetition = 0; ; repetition++) {
      try {
        return await attempt(request, agent, signal, renew);
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        if (!(thrown instanceof Refusal)) {
          // The server closed an idle socket just as we took it again: no fault, and no reason to wait.
          if (!hadReusedSocket(thrown) || resent || !isIdempotent(request)) throw failed(thrown);
          resent = true;
          continue;
        }
        if (thrown.error.status === 401 && !renew) {
          renew = true;
          continue;
        }
        renew = false;
        const wait =
          thrown.repeatAfterMs === undefined ? undefined : thrown.repeatAfterMs * (1 + random() / 2);
        if (wait === undefined || repetition >= maxRepetitions || clock.now() + wait > until)
          throw thrown.error;
        await sleep(clock, wait, signal);
      }
    }
  }

  async function request(request: ApiRequest): Promise<ApiResponse> {
    const timeoutMs = request.timeoutMs ?? requestTimeoutMs;
    using limit = limited(request.signal);
    limit.within(clock, timeoutMs, () =>
      failed(`no answer within ${timeoutMs} ms to ${request.method} ${request.path}`),
    );
    const message = await open(request, requests, limit.signal, clock.now() + timeoutMs);
    let text: string;
    try {
      text = await readAll(message, request.longestAnswer);
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      if (error instanceof AnswerTooLongError) throw error;
      throw failed(error);
    }
    try {
      return { status: message.statusCode ?? 0, body: (request.parse ?? JSON.parse)(text) };
    } catch (cause) {
      throw new ConnectionError(base.host, `the answer to ${request.method} ${request.path} is not JSON`, {
        cause,
      });
    }
  }

  async function* stream(request: ApiRequest): AsyncGenerator<unknown> {
    const { timeoutMs: silenceMs } = request;
    using limit = limited(request.signal);
    const guard = (): void => {
      if (silenceMs === undefined) return;
      limit.within(clock, silenceMs, () => failed(`no word for ${silenceMs} ms in GET ${request.path}`));
    };
    guard();
    const message = await open(request, streams, limit.signal, Number.POSITIVE_INFINITY);
    limit.relax();
    try {
      yield* jsonLines(guarded(message, guard, () => limit.relax()));
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      throw failed(error);
    } finally {
      message.destroy();
    }
  }

  const close = (): void => {
    requests.destroy();
    streams.destroy();
  };
  return { request, stream, close };
}

interface Answer {
  message: IncomingMessage;
  reusedSocket: boolean;
}

/** An ApiError on its way out, with what the server said about another try. */
class Refusal extends Error {
  readonly error: ApiError;
  readonly repeatAfterMs: number | undefined;

  constructor(error: ApiError, repeatAfterMs: number | undefined) {
    super(error.message);
    this.error = error;
    this.repeatAfterMs = repeatAfterMs;
  }
}

interface Limit extends Disposable {
  signal: AbortSignal;
  within(clock: Clock, ms: number, reason: () => Error): void;
  relax(): void;
}

/** A signal that follows `outer` and can have a time limit. (AbortSignal.any would hold on to a signal that lives for ever.) */
function limited(outer: AbortSignal | undefined): Limit {
  const controller = new AbortController();
  const follow = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) follow();
  outer?.addEventListener('abort', follow, { once: true });
  let relax = (): void => {};
  return {
    signal: controller.signal,
    within: (clock, ms, reason) => {
      relax();
      const timer = clock.setTimeout(() => controller.abort(reason()), ms);
      relax = () => timer.cancel();
    },
    relax: () => relax(),
    [Symbol.dispose]: () => {
      relax();
      outer?.removeEventListener('abort', follow);
    },
  };
}

/** The silence is the server's only while we wait for it, not while the caller is busy with what came. */
async function* guarded(
  message: IncomingMessage,
  guard: () => void,
  relax: () => void,
): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = message[Symbol.asyncIterator]();
  for (;;) {
    guard();
    const { value, done } = await chunks.next();
    relax();
    if (done === true) return;
    yield value;
  }
}

async function readAll(message: IncomingMessage, longest = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message) {
    length += chunk.length;
    // To leave the loop destroys the rest.
    if (length > longest) throw new AnswerTooLongError(`the answer is longer than ${longest} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A proxy, or a server that is starting, answers with text. */
function parseStatus(text: string): Partial<Status> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Not JSON: the text is all there is to say.
  }
  return text.trim() === '' ? {} : { message: text.trim().slice(0, 500) };
}

function queryString(query: ApiRequest['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}

function hadReusedSocket(error: unknown): boolean {
  return error instanceof Error && 'reusedSocket' in error && error.reusedSocket === true;
}
