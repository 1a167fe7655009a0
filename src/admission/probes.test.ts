import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProbeServer, type ProbeServer } from './probes.ts';

describe('createProbeServer', () => {
  const problems: Record<string, string | undefined> = {};
  let server: ProbeServer;
  let port: number;

  beforeEach(async () => {
    const checks = ['caches', 'certificate'].map((name) => ({ name, problem: () => problems[name] }));
    const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'stash_leader 1\n' };
    server = createProbeServer({ port: 0, host: '127.0.0.1', checks, metrics });
    port = await server.listen();
  });
  afterEach(() => server.close());

  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${response.status} ${await response.text()}`;
  };

  it('is ready where nothing is wrong', async () => {
    expect(await probe('/readyz')).toBe('200 ok\n');
  });

  it('names each thing that is wrong', async () => {
    Object.assign(problems, { caches: 'not synced', certificate: 'it has not been read yet' });
    expect(await probe('/readyz')).toBe('503 caches: not synced\ncertificate: it has not been read yet\n');
    Object.assign(problems, { caches: undefined });
    expect(await probe('/readyz')).toBe('503 certificate: it has not been read yet\n');
  });

  it('is alive all the while', async () => {
    Object.assign(problems, { caches: 'not synced' });
    expect(await probe('/healthz')).toBe('200 ok\n');
  });

  it('tells its metrics', async () => {
    expect(await probe('/metrics')).toBe('200 stash_leader 1\n');
  });

  it('knows no other path', async () => {
    expect(await probe('/')).toMatch(/^404 /);
  });
});
