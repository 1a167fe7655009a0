// With kubeconfig.ts the only file that loads @kubernetes/client-node: docs/decisions/0002-one-raw-client.md.
import { Duplex, PassThrough, Writable } from 'node:stream';
import { Exec, PortForward } from '@kubernetes/client-node';
import { loadKubeConfig } from './kubeconfig.ts';

/** Which container of which pod. */
export interface ContainerAddress {
  namespace: string;
  pod: string;
  container: string;
}

/** What a command in a container came to. */
export interface Executed {
  /** Undefined where it could not be run at all. */
  exitCode: number | undefined;
  /** The last line that it wrote, to its standard error first; or why it could not be run. At most 256 characters. */
  lastLine: string;
}

/** The two ways into a running pod, as `kubectl exec` and `kubectl port-forward` go them. */
export interface PodAccess {
  /**
   * Runs `command`, without a terminal and without input.
   *
   * Where `signal` is aborted, the connection is closed; the command is not killed by that, since Kubernetes has no way to.
   *
   * @throws {PodAccessError} where the connection fails, or ends without a result
   */
  exec(at: ContainerAddress, command: string[], signal: AbortSignal): Promise<Executed>;
  /**
   * A connection to a port of the pod, from within: what listens on its loopback interface alone is reached too. That the port
   * refuses comes later, as the stream's error.
   *
   * @throws {PodAccessError} where the connection fails
   */
  connect(at: { namespace: string; pod: string; port: number }, signal: AbortSignal): Promise<Duplex>;
}

export class PodAccessError extends Error {
  override readonly name = 'PodAccessError';
}

/** What `ws` and a browser's WebSocket have in common, as far as it is needed. */
interface Socket {
  close(): void;
  terminate?(): void;
  addEventListener(type: 'close' | 'error', listener: (event: object) => void): void;
}

/** How much of what a command writes is remembered, in bytes. */
const KEPT = 4_096;
const LONGEST_LINE = 256;

/** @param context - of the kubeconfig; the current one by default */
export function podAccess(context?: string): PodAccess {
  // A new one each time: it has the token and the certificates of now.
  const config = () => loadKubeConfig(context);
  return {
    exec: async (at, command, signal) => {
      const stdout = new Tail();
      const stderr = new Tail();
      const { promise, resolve } = Promise.withResolvers<ExecStatus>();
      const connecting = new Exec(config()).exec(
        at.namespace,
        at.pod,
        at.container,
        command,
        stdout,
        stderr,
        null,
        false,
        (status) => resolve(status as ExecStatus),
      );
      const status = await throughSocket(connecting, 'exec', signal, () => promise);
      return executed(status, stderr.lastLine() || stdout.lastLine());
    },
    connect: async (at, signal) => {
      const toPod = new PassThrough();
      const refusals = new PassThrough();
      const stream: Duplex = new Duplex({
        read: () => {},
        write: (chunk, encoding, done) => toPod.write(chunk, encoding, done),
        destroy: (error, done) => {
          toPod.destroy();
          done(error);
        },
      });
      const fromPod = new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          // Each channel begins with an empty message: the number of its port, which is taken off.
          if (chunk.length > 0) stream.push(chunk);
          done();
        },
      });
      // What comes after the end is of no interest.
      fromPod.on('error', () => {});
      refusals.on('data', (chunk: Buffer) => {
        if (chunk.length > 0) stream.destroy(new PodAccessError(oneLine(chunk.toString('utf8'))));
      });
      const forward = new PortForward(config());
      const connecting = forward.portForward(at.namespace, at.pod, [at.port], fromPod, refusals, toPod);
      const socket = (await throughSocket(
        connecting as Promise<Socket>,
        'portforward',
        signal,
        async (opened) => opened,
        false,
      )) as Socket;
      socket.addEventListener('close', () => stream.push(null));
      socket.addEventListener('error', (event) => stream.destroy(new PodAccessError(messageOf(event))));
      stream.on('close', () => end(socket));
      signal.addEventListener('abort', () => stream.destroy(), { once: true });
      return stream;
    },
  };
}

/** Opens a socket and does `use` with it, unless it closes or `signal` is aborted before. */
async function throughSocket<T>(
  connecting: Promise<Socket>,
  what: string,
  signal: AbortSignal,
  use: (socket: Socket) => Promise<T>,
  closes = true,
): Promise<T> {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => {});
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let isLeft = false;
  connecting.then(
    (socket) => (isLeft ? end(socket) : undefined),
    () => {},
  );
  try {
    const socket = await Promise.race([connecting, broken]).catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new PodAccessError(`${what} was refused: ${messageOf(error)}`);
    });
    socket.addEventListener('error', (event) => reject(new PodAccessError(messageOf(event))));
    socket.addEventListener('close', () =>
      // What came with the last message is looked at first.
      setImmediate(() => reject(new PodAccessError('the connection to the pod ended without a result'))),
    );
    try {
      const result = await Promise.race([use(socket), broken]);
      if (closes) end(socket);
      return result;
    } catch (error) {
      end(socket);
      throw error;
    }
  } finally {
    isLeft = true;
    signal.removeEventListener('abort', onAbort);
  }
}

function end(socket: Socket): void {
  // A closing handshake waits for the other side, which may be what hangs.
  if (socket.terminate !== undefined) socket.terminate();
  else socket.close();
}

/** A `Status` of Kubernetes as exec ends with it. */
interface ExecStatus {
  status?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

function executed({ status, message = '', details }: ExecStatus, lastLine: string): Executed {
  if (status === 'Success') return { exitCode: 0, lastLine };
  const code = details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code === undefined) return { exitCode: undefined, lastLine: oneLine(message) };
  return { exitCode: Number(code), lastLine };
}

/** The error of a WebSocket is an event. */
function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : 'the connection broke';
}

/** Remembers the end of what is written to it. */
class Tail extends Writable {
  #kept = Buffer.alloc(0);

  constructor() {
    super({
      write: (chunk: Buffer, _encoding, done) => {
        this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-KEPT);
        done();
      },
    });
    // What comes after the end is of no interest.
    this.on('error', () => {});
  }

  lastLine(): string {
    const lines = this.#kept.toString('utf8').split('\n');
    return oneLine(lines.findLast((line) => line.trim() !== '') ?? '');
  }
}

function oneLine(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim();
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE - 1)}…`;
}
