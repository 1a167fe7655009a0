import { connect, type TLSSocket } from 'node:tls';

/** What a slice of load has seen. */
export interface Slice {
  requestsPerSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** Connections that are kept, each with one request on its way at a time. */
export interface Load {
  /** Asks for `seconds`, with one request of `requests` after another. @throws {Error} where an answer is not what it should be */
  run(seconds: number): Promise<Slice>;
  close(): void;
}

export interface LoadOptions {
  port: number;
  connections: number;
  path: string;
  /** JSON. */
  bodies: readonly string[];
  /** What every answer must have in it. */
  expected: string;
}

/** The least that a client can do, so that the server and not the client is what is measured. */
export async function createLoad({ port, connections, path, bodies, expected }: LoadOptions): Promise<Load> {
  const requests = bodies.map((body) =>
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  let next = 0;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  return {
    run: async (seconds) => {
      const began = performance.now();
      const until = began + seconds * 1000;
      const latencies: number[] = [];
      await Promise.all(
        sockets.map(async (socket) => {
          const answers = answersOf(socket);
          try {
            while (performance.now() < until) {
              const sent = performance.now();
              socket.write(requests[next++ % requests.length] as Buffer);
              const answer = await answers.next();
              latencies.push(performance.now() - sent);
              // One in a hundred is read: to read all would be what is measured.
              if (latencies.length % 100 === 1) check(answer.toString(), expected);
            }
          } finally {
            answers.end();
          }
        }),
      );
      latencies.sort((a, b) => a - b);
      const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN;
      const passed = (performance.now() - began) / 1000;
      return { requestsPerSecond: latencies.length / passed, p50: at(0.5), p99: at(0.99) };
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The certificate is of an authority that was made for this run. */
function open(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
    socket
      .setNoDelay(true)
      .once('secureConnect', () => resolve(socket))
      .once('error', reject);
  });
}

function check(answer: string, expected: string): void {
  if (answer.startsWith('HTTP/1.1 200 ') && answer.includes(expected)) return;
  throw new Error(`the answer has no ${expected}: ${answer.slice(0, 500)}`);
}

/** Whole answers, each by its Content-Length. */
function answersOf(socket: TLSSocket): { next(): Promise<Buffer>; end(): void } {
  let waiting = Promise.withResolvers<Buffer>();
  let received: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const head = received.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = /content-length: (\d+)/i.exec(received.toString('latin1', 0, head))?.[1];
    if (length === undefined) {
      waiting.reject(new Error('an answer has no Content-Length'));
      return;
    }
    if (received.length < head + 4 + Number(length)) return;
    const answer = received;
    received = Buffer.alloc(0);
    waiting.resolve(answer);
  };
  const onEnd = (): void => waiting.reject(new Error('the server has closed a connection'));
  socket.on('data', onData).on('close', onEnd);
  return {
    next: () => {
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
    end: () => void socket.off('data', onData).off('close', onEnd),
  };
}
