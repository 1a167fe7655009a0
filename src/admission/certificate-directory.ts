import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { endOf, problemOf } from './certificate.ts';
import type { CertificateSource, ServingCertificate } from './serving-certificate.ts';

export interface CertificateDirectoryOptions {
  /** Has `tls.crt` and `tls.key`, and `ca.crt` where nobody else tells the API server what to trust. */
  directory: string;
  log: Pick<Logger, 'info' | 'warn'>;
  /** Told of each new certificate, the first included. */
  onChange: (certificate: ServingCertificate) => void;
  clock?: Clock;
  /** Between two readings, in milliseconds; 10 s by default. A watch tells mostly earlier. */
  pollMs?: number;
}

/** kubelet changes a mounted Secret by several steps, each of which is told. */
const SETTLE_MS = 100;

/**
 * The certificate of the webhook server, as files that somebody else keeps fresh: cert-manager, whose Secret is mounted. Nothing is
 * written here.
 *
 * The files are read when the directory tells of a change, and on a beat, since a watch can be lost (controller-runtime's certwatcher
 * does both). Until a whole new pair has been read, the last good one stays.
 */
export class CertificateDirectory implements CertificateSource {
  readonly #options: Required<CertificateDirectoryOptions>;
  #current: ServingCertificate | undefined;
  #problem: string | undefined = 'it has not been read yet';

  constructor(options: CertificateDirectoryOptions) {
    this.#options = { clock: systemClock, pollMs: 10_000, ...options };
  }

  current(): ServingCertificate | undefined {
    return this.#current;
  }

  problem(): string | undefined {
    if (this.#current === undefined) return this.#problem;
    const end = endOf(this.#current.certificate);
    return this.#options.clock.now() < end ? undefined : `it ended at ${new Date(end).toISOString()}`;
  }

  published(): void {}

  async run(signal: AbortSignal): Promise<void> {
    const { clock, pollMs } = this.#options;
    while (!signal.aborted) {
      const changed = new AbortController();
      const stop = (): void => changed.abort();
      signal.addEventListener('abort', stop, { once: true });
      const unwatch = this.#watch(stop);
      await this.refresh();
      await sleep(clock, pollMs, changed.signal);
      unwatch();
      signal.removeEventListener('abort', stop);
      if (changed.signal.aborted) await sleep(clock, SETTLE_MS, signal);
    }
  }

  /** One reading. */
  async refresh(): Promise<void> {
    const { directory, log, onChange } = this.#options;
    const serving = await read(directory);
    if (typeof serving === 'string') {
      const problem = `the files in ${directory} are of no use: ${serving}`;
      if (problem !== this.#problem)
        log.warn({ directory, problem: serving }, 'the certificate cannot be used');
      this.#problem = problem;
      return;
    }
    const before = this.#current;
    this.#current = serving;
    this.#problem = undefined;
    if (before?.certificate === serving.certificate && before.authority === serving.authority) return;
    log.info({ directory }, 'a certificate was read');
    onChange(serving);
  }

  /** Where nothing can be watched, the beat is enough. */
  #watch(changed: () => void): () => void {
    try {
      const watcher = watch(this.#options.directory, changed);
      watcher.on('error', () => watcher.close());
      return () => watcher.close();
    } catch {
      return () => {};
    }
  }
}

/** What the files hold, or in words why that is of no use. */
async function read(directory: string): Promise<ServingCertificate | string> {
  try {
    const [certificate, key, authority] = await Promise.all([
      readFile(join(directory, 'tls.crt'), 'utf8'),
      readFile(join(directory, 'tls.key'), 'utf8'),
      readFile(join(directory, 'ca.crt'), 'utf8').catch(withoutFile),
    ]);
    const serving = { certificate, key, authority };
    return problemOf(serving, authority === '' ? undefined : authority) ?? serving;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function withoutFile(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}
