import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as secure } from 'node:tls';
import type { Hook } from '../api/hooks.ts';
import { type Clock, sleep } from '../kube/clock.ts';

type Get = NonNullable<Hook['httpGet']>;
type Post = NonNullable<Hook['httpPost']>;

/**
 * A port that refuses says so at once, and one that takes the connection says nothing: so long it is listened for a refusal, in
 * milliseconds.
 */
const REFUSAL = 3_000;

/**
 * Sends the request of a hook over `stream`, and reads the answer to its end.
 *
 * @returns the status of the answer
 * @throws what breaks the stream
 */
export function send(
  stream: Duplex,
  method: 'GET' | 'POST',
  { path, port, scheme, httpHeaders = [], ...rest }: Get | Post,
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Kubernetes' own probes do not verify the certificate either: a pod has none for its loopback interface.
    const socket = scheme === 'HTTPS' ? secure({ socket: stream, rejectUnauthorized: false }) : stream;
    socket.on('error', reject);
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('the connection ended before the answer did')));
    const sent = request({ method, path, createConnection: () => socket });
    sent.setHeader('host', `localhost:${port}`);
    sent.setHeader('connection', 'close');
    for (const name of new Set(httpHeaders.map((header) => header.name.toLowerCase()))) {
      const values = httpHeaders.filter((header) => header.name.toLowerCase() === name);
      sent.setHeader(name, name === 'host' ? (values[0]?.value ?? '') : values.map(({ value }) => value));
    }
    sent.on('error', reject);
    sent.on('response', (answer: IncomingMessage) => {
      answer.on('error', reject);
      answer.on('end', () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    sent.end('body' in rest ? rest.body : undefined);
  });
}

/** Whether a status is a good one, as for a probe of Kubernetes. */
export function isGoodStatus(status: number): boolean {
  return status >= 200 && status < 400;
}

/** Resolves where the port at the end of `stream` takes the connection. */
export async function staysOpen(stream: Duplex, clock: Clock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = new AbortController();
  stream.on('error', reject);
  stream.on('end', () => reject(new Error('the connection was closed at once')));
  stream.on('data', () => resolve());
  void sleep(clock, REFUSAL, done.signal).then(resolve);
  try {
    await promise;
  } finally {
    done.abort();
  }
}
