import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A real `stash serve` outside a pod. */
export interface Operator {
  log(): string;
  /** Resolves with its exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts an operator, and resolves once it is ready. Its log is told where it is not. */
export async function startOperator(...flags: string[]): Promise<Operator> {
  const [webhook, probe] = [await freePort(), await freePort()];
  const args = [
    '--webhook-port',
    `${webhook}`,
    '--probe-port',
    `${probe}`,
    '--webhook-url',
    `https://127.0.0.1:${webhook}`,
  ];
  const child: ChildProcess = spawn(
    process.execPath,
    [main, 'serve', '--log-level', 'debug', ...args, ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = async (): Promise<void> => {
    for (const until = Date.now() + 90_000; Date.now() < until; ) {
      if (child.exitCode !== null) break;
      const response = await fetch(`http://127.0.0.1:${probe}/readyz`).catch(() => undefined);
      if (response?.ok === true) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the operator is not ready:\n${text}`);
  };
  await ready();
  return {
    log: () => text,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
