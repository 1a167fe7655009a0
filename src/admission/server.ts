import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import Fastify, { type FastifyError } from 'fastify';
import type { Logger } from 'pino';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import type { KeyPair } from './certificate.ts';
import { InvalidReviewError, parseReview } from './review.ts';
import { answer, type Handler, type SlowHandler, type Verdict } from './verdict.ts';

export interface AdmissionServerOptions {
  /** By path, such as `/mutate/workloads`. */
  handlers: Record<string, Handler | SlowHandler>;
  log: Pick<Logger, 'error'>;
  /** Zero for any port that is free. */
  port: number;
  host?: string;
  /** Told of each review: its path, `allowed`, `patched`, `refused` or `failed`, and the seconds that it took. */
  onAnswered?: (path: string, outcome: Outcome, seconds: number) => void;
  /** How long it goes on answering after `close`, in milliseconds; 10 s by default. */
  drainMs?: number;
  clock?: Clock;
}

export type Outcome = 'allowed' | 'patched' | 'refused' | 'failed';

export interface AdmissionServer {
  /** Resolves with the port. Without a certificate no client gets past the handshake. */
  listen(): Promise<number>;
  /** From the next handshake on; connections that stand go on. */
  useCertificate(pair: KeyPair): void;
  /** Answers on for `drainMs` with `Connection: close`, then ends. Whoever calls it has gone unready before. */
  close(): Promise<void>;
}

/**
 * The server that the API server asks, over HTTPS.
 *
 * An answer has status 200, be it a refusal; otherwise 400 for what is no AdmissionReview, 404, 413, 415, or 500 without a word of
 * what went wrong inside, which is in the log.
 */
export function createAdmissionServer(options: AdmissionServerOptions): AdmissionServer {
  const { handlers, log, port, host, drainMs = 10_000, clock = systemClock } = options;
  const { onAnswered = () => {} } = options;
  const state = { draining: false };
  const app = createApp();
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const refused = refusalOf(error);
    if (refused.code === 500) log.error({ err: error, path: request.url }, 'an admission review failed');
    return reply.code(refused.code).send({ error: refused.message });
  });
  app.addHook('onRequest', (_request, reply, done) => {
    if (state.draining) reply.header('connection', 'close');
    done();
  });
  for (const [path, handler] of Object.entries(handlers)) {
    app.post(path, (incoming, reply) => {
      const began = performance.now();
      const tell = (outcome: Outcome) => onAnswered(path, outcome, (performance.now() - began) / 1000);
      const fail = (error: unknown): never => {
        tell('failed');
        throw error;
      };
      try {
        const request = parseReview(incoming.body);
        const send = (verdict: Verdict) => {
          const text = answer(request.uid, verdict);
          tell(outcomeOf(verdict));
          return reply.header('content-type', 'application/json; charset=utf-8').send(text);
        };
        const verdict = handler(request);
        // Most answer at once, and need not wait for a promise.
        return verdict instanceof Promise ? verdict.then(send, fail) : send(verdict);
      } catch (error) {
        return fail(error);
      }
    });
  }
  return {
    listen: async () => {
      await app.listen({ port, host: host ?? everyAddress() });
      return (app.server.address() as AddressInfo).port;
    },
    useCertificate: ({ certificate, key }) => {
      app.server.setSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' });
    },
    close: async () => {
      // The API server keeps its connections to a pod that ends, and never repeats a POST (kubernetes#127335).
      state.draining = true;
      await sleep(clock, drainMs);
      await app.close();
    },
  };
}

function outcomeOf(verdict: Verdict): Outcome {
  if (!verdict.allowed) return 'refused';
  return verdict.patch === undefined ? 'allowed' : 'patched';
}

function createApp() {
  return Fastify({
    https: { minVersion: 'TLSv1.2' },
    logger: false,
    // An object has 1.5 MiB at most in etcd; a review holds two, with their managed fields, escaped.
    bodyLimit: 7 * 1024 * 1024,
    // Longer than Go's client keeps an idle connection (90 s), or the two ends race to close and to use it.
    keepAliveTimeout: 120_000,
    // Otherwise every request that a closing server still takes is answered with 503.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    // A review holds a user's object, whatever its keys: one that is named __proto__ is a key like any other.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
  });
}

/** Both families; where the kernel has no IPv6, to listen on `::` fails. */
function everyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((address) => address?.family === 'IPv6') ? '::' : '0.0.0.0';
}

function refusalOf(error: FastifyError | InvalidReviewError): { code: number; message: string } {
  if (error instanceof InvalidReviewError) return { code: 400, message: error.message };
  const code = 'statusCode' in error ? error.statusCode : undefined;
  if (code !== undefined && code >= 400 && code < 500) return { code, message: error.message };
  return { code: 500, message: 'the review failed; the log of the operator tells why' };
}
