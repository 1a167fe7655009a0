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
  /** What `/metrics` answers. */
  metrics: { contentType: string; text(): Promise<string> };
  /** Zero for any port that is free. */
  port: number;
  host?: string;
}

export interface ProbeServer {
  /** Resolves with the port. */
  listen(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Answers over plain HTTP: kubelet's probes (`/healthz` while the process turns, `/readyz` where no check has a problem) and Prometheus
 * (`/metrics`). None of it is secret.
 */
export function createProbeServer({ checks, metrics, port, host }: ProbeServerOptions): ProbeServer {
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      metrics.text().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
      );
      return;
    }
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
  if (path !== '/readyz') return { code: 404, text: 'there are /healthz, /readyz and /metrics' };
  const problems = checks.flatMap(({ name, problem }) => {
    const text = problem();
    return text === undefined ? [] : [`${name}: ${text}`];
  });
  return problems.length === 0 ? { code: 200, text: 'ok' } : { code: 503, text: problems.join('\n') };
}
