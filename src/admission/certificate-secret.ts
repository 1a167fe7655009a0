import type { Logger } from 'pino';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/annotations.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { secrets } from '../kube/resource.ts';
import { endOf, issueAuthority, issueLeaf, type KeyPair, problemOf, reasonToRenew } from './certificate.ts';

export interface CertificateSecretOptions {
  client: Client;
  namespace: string;
  /** Of the Secret; `stash-webhook-certificate` by default. */
  name?: string;
  /** DNS names and IP addresses by which clients find the server. */
  names: string[];
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Told of each new certificate, the first included. */
  onChange: (certificate: ServingCertificate) => void;
  clock?: Clock;
  /** Between two readings, in milliseconds; a minute by default. */
  beatMs?: number;
  /** Of a leaf, in milliseconds; 90 days by default. */
  leafLifetimeMs?: number;
  /** Of the authority, in milliseconds; ten years by default. */
  authorityLifetimeMs?: number;
}

export interface ServingCertificate extends KeyPair {
  /** What clients trust, PEM: the caBundle of a registration. */
  authority: string;
}

interface Secret extends ApiObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string> | undefined;
}

/** What a Secret holds; without `authorityKey`, somebody else renews it (cert-manager, for one). */
interface Holding {
  serving: ServingCertificate;
  authorityKey: string | undefined;
}

const DAY = 86_400_000;
const RETRY_MS = 1000;
/** Each lost race means that another replica got further, so two are enough; more are somebody's loop. */
const MOST_RACES = 5;

/** The name of the Secret where nothing else is said. Its keys: `ca.crt`, `ca.key`, `tls.crt`, `tls.key`. */
export const CERTIFICATE_SECRET = 'stash-webhook-certificate';

/**
 * The certificate of the webhook server, as a Secret holds it: the Secret is the truth for every replica.
 *
 * Whoever comes first makes authority and leaf, and the others read them, since replicas with authorities of their own would fight
 * over the caBundle (vault-helm#580). Any of them renews the leaf, under the Secret's resourceVersion. What cannot be read whole is
 * never adopted: the last good certificate stays (cozystack#3557).
 */
export class CertificateSecret {
  readonly #options: Required<CertificateSecretOptions>;
  #current: ServingCertificate | undefined;
  #problem = 'it has not been read yet';

  constructor(options: CertificateSecretOptions) {
    this.#options = {
      name: CERTIFICATE_SECRET,
      clock: systemClock,
      beatMs: 60_000,
      leafLifetimeMs: 90 * DAY,
      authorityLifetimeMs: 3650 * DAY,
      ...options,
    };
  }

  current(): ServingCertificate | undefined {
    return this.#current;
  }

  /** Why the server cannot serve with it, for a readiness probe; undefined where it can. */
  problem(): string | undefined {
    if (this.#current === undefined) return this.#problem;
    const end = endOf(this.#current.certificate);
    return this.#options.clock.now() < end ? undefined : `it ended at ${new Date(end).toISOString()}`;
  }

  /** Reads it, and renews it where that is due, on a beat, until the signal is aborted. A failure is logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, beatMs, log, namespace, name } = this.#options;
    while (!signal.aborted) {
      try {
        await this.refresh(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#current === undefined) this.#problem = `it cannot be read: ${describe(error)}`;
        log.error(
          { err: error, namespace, name },
          'the certificate of the webhook cannot be read or renewed',
        );
      }
      await sleep(clock, this.#current === undefined ? Math.min(RETRY_MS, beatMs) : beatMs, signal);
    }
  }

  /**
   * One reading, with what follows from it.
   *
   * @throws {ApiError} {@link ConnectionError} as the client does; the last good certificate stays
   */
  async refresh(signal?: AbortSignal): Promise<void> {
    for (let race = 1; ; race++) {
      try {
        return await this.#readOrMake(signal);
      } catch (error) {
        if (race >= MOST_RACES || !(isConflict(error) || isAlreadyExists(error))) throw error;
      }
    }
  }

  async #readOrMake(signal: AbortSignal | undefined): Promise<void> {
    const { client, log, namespace, name, names, clock } = this.#options;
    const call = signal === undefined ? {} : { signal };
    const secret = await this.#read(signal);
    if (secret === undefined) {
      this.#adopt(await client.create(secrets, this.#filled(await this.#issue()), call));
      log.info({ namespace, name }, 'a certificate was made for the webhook');
      return;
    }
    if (Object.values(secret.data ?? {}).every((value) => value === '')) {
      const filled = this.#filled(await this.#issue());
      this.#adopt(await client.replace(secrets, { ...secret, data: filled.data }, call));
      log.info({ namespace, name }, 'a certificate was put into the empty Secret of the webhook');
      return;
    }
    const holding = this.#adopt(secret);
    if (holding?.authorityKey === undefined) return;
    const reason = reasonToRenew(holding.serving.certificate, names, clock.now());
    if (reason === undefined) return;
    const data = {
      ...secret.data,
      ...encoded(await this.#leafOf(holding.serving.authority, holding.authorityKey)),
    };
    this.#adopt(await client.replace(secrets, { ...secret, data }, call));
    log.info({ namespace, name, reason }, 'the certificate of the webhook was renewed');
  }

  async #read(signal: AbortSignal | undefined): Promise<Secret | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get<Secret>(secrets, name, namespace, signal === undefined ? {} : { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Serves with what `secret` holds from now on, where that is whole; otherwise all stays as it is, and undefined comes back. */
  #adopt(secret: Secret): Holding | undefined {
    const { log, namespace, name, onChange } = this.#options;
    const holding = holdingOf(secret);
    if (typeof holding === 'string') {
      this.#problem = `the Secret ${namespace}/${name} is of no use: ${holding}; delete it, and it is made anew`;
      log.warn({ namespace, name, problem: holding }, 'the Secret of the webhook is of no use');
      return undefined;
    }
    const { serving } = holding;
    const before = this.#current;
    this.#current = serving;
    if (before?.certificate !== serving.certificate || before.authority !== serving.authority)
      onChange(serving);
    return holding;
  }

  async #issue(): Promise<Record<string, string>> {
    const { clock, authorityLifetimeMs } = this.#options;
    const authority = await issueAuthority(clock.now(), authorityLifetimeMs);
    return {
      'ca.crt': authority.certificate,
      'ca.key': authority.key,
      ...(await this.#leafOf(authority.certificate, authority.key)),
    };
  }

  async #leafOf(certificate: string, key: string): Promise<Record<string, string>> {
    const { names, clock, leafLifetimeMs } = this.#options;
    const leaf = await issueLeaf({ certificate, key }, names, clock.now(), leafLifetimeMs);
    return { 'tls.crt': leaf.certificate, 'tls.key': leaf.key };
  }

  #filled(texts: Record<string, string>): Secret {
    const { namespace, name } = this.#options;
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name,
        namespace,
        labels: { 'app.kubernetes.io/name': 'stash', [MANAGED_BY_LABEL]: MANAGED_BY },
      },
      type: 'kubernetes.io/tls',
      data: encoded(texts),
    };
  }
}

/** What is in `secret`, or in words why that is of no use. */
function holdingOf({ data = {} }: Secret): Holding | string {
  const read = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const serving = { authority: read('ca.crt'), certificate: read('tls.crt'), key: read('tls.key') };
  const missing = ['ca.crt', 'tls.crt', 'tls.key'].filter((key) => read(key) === '');
  if (missing.length > 0) return `${missing.join(' and ')} missing`;
  return problemOf(serving, serving.authority) ?? { serving, authorityKey: read('ca.key') || undefined };
}

function encoded(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
}

const describe = (error: unknown) => (error instanceof Error ? error.message : String(error));
