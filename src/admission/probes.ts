import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Something that must be so before requests are welcome. */
export interface ReadinessCheck {
  name: string;
  /** Why it is not so, in words; undefined where it is. */
  problem(): string | undefined;
}

export interface ProbeServerOptions {
  checks: ReadinessCheck[];
  /** Zero for any port that is free. */
  port: number;
  host?: string;
}

export interface ProbeServer {
  /** Resolves with the port. */
  listen(): Promise<number>;
  close(): Promise<void>;
}

/** Answers kubelet's probes over plain HTTP: `/healthz` while the process turns, `/readyz` where no check has a problem. */
export function createProbeServer({ checks, port, host }: ProbeServerOptions): ProbeServer {
  const server = createServer((request, response) => {
    const { code, text } = probe(request.url ?? '', checks);
    response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  });
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, host }, () => resolve((server.address() as AddressInfo).port));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function probe(path: string, checks: ReadinessCheck[]): { code: number; text: string } {
  if (path === '/healthz') return { code: 200, text: 'ok' };
  if (path !== '/readyz') return { code: 404, text: 'there are /healthz and /readyz' };
  const problems = checks.flatMap(({ name, problem }) => {
    const text = problem();
    return text === undefined ? [] : [`${name}: ${text}`];
  });
  return problems.length === 0 ? { code: 200, text: 'ok' } : { code: 503, text: problems.join('\n') };
}
