import type { Logger } from 'pino';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/annotations.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { secrets } from '../kube/resource.ts';
import { type Authorities, announceNext, authoritiesOf, authorityStep } from './authorities.ts';
import { endOf, issueAuthority, issueLeaf, type KeyPair, problemOf, reasonToRenew } from './certificate.ts';
import type { CertificateSource, ServingCertificate } from './serving-certificate.ts';

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

interface Secret extends ApiObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string> | undefined;
}

/** What a Secret holds; without authorities of our own, somebody else renews it (cert-manager, for one). */
interface Holding {
  serving: ServingCertificate;
  authorities: Authorities | undefined;
}

const DAY = 86_400_000;
const RETRY_MS = 1000;
/** Each lost race means that another replica got further, so two are enough; more are somebody's loop. */
const MOST_RACES = 5;

/**
 * The name of the Secret where nothing else is said. Its keys: `ca.crt`, `ca.key`, `tls.crt`, `tls.key`, and `next-ca.key` while
 * another authority is to follow.
 */
export const CERTIFICATE_SECRET = 'stash-webhook-certificate';

/**
 * The certificate of the webhook server, as a Secret holds it: the Secret is the truth for every replica.
 *
 * Whoever comes first makes authority and leaf, and the others read them, since replicas with authorities of their own would fight
 * over the caBundle (vault-helm#580). Any of them renews the leaf, under the Secret's resourceVersion; the one that leads changes
 * the authority, since it knows when the API server has been told. What cannot be read whole is never adopted: the last good
 * certificate stays (cozystack#3557). Where the Secret is deleted, a new authority is announced beside the one that is in use, so that
 * no review is lost over it.
 */
export class CertificateSecret implements CertificateSource {
  readonly #options: Required<CertificateSecretOptions>;
  #holding: Holding | undefined;
  /** The authority that the API server was told of, and since when. */
  #published: { authority: string; since: number } | undefined;
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
    return this.#holding?.serving;
  }

  problem(): string | undefined {
    const current = this.current();
    if (current === undefined) return this.#problem;
    const end = endOf(current.certificate);
    return this.#options.clock.now() < end ? undefined : `it ended at ${new Date(end).toISOString()}`;
  }

  published(authority: string): void {
    if (this.#published?.authority === authority) return;
    this.#published = { authority, since: this.#options.clock.now() };
  }

  /** Reads it, and renews it where that is due, on a beat. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, beatMs, log, namespace, name } = this.#options;
    while (!signal.aborted) {
      try {
        await this.refresh(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#holding === undefined) this.#problem = `it cannot be read: ${describe(error)}`;
        log.error(
          { err: error, namespace, name },
          'the certificate of the webhook cannot be read or renewed',
        );
      }
      await sleep(clock, this.#holding === undefined ? Math.min(RETRY_MS, beatMs) : beatMs, signal);
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
    if (secret === undefined || isEmpty(secret)) {
      const isNew = this.#holding === undefined;
      const filled = this.#filled(await this.#issue());
      this.#adopt(
        secret === undefined
          ? await client.create(secrets, filled, call)
          : await client.replace(secrets, { ...secret, data: filled.data }, call),
      );
      log.info({ namespace, name, isNew }, 'a certificate was made for the webhook');
      return;
    }
    const holding = this.#adopt(secret);
    if (holding?.authorities === undefined) return;
    const change = await this.#changeOf(holding.serving, holding.authorities, clock.now(), names);
    if (change === undefined) return;
    const data = { ...secret.data, ...encoded(change.texts) };
    // What is no longer said goes away.
    for (const key of Object.keys(data)) if (data[key] === '') delete data[key];
    this.#adopt(await client.replace(secrets, { ...secret, data }, call));
    log.info({ namespace, name, reason: change.reason }, 'the certificate of the webhook was renewed');
  }

  /** What is to be written now, and why; undefined where all is well. */
  async #changeOf(
    serving: ServingCertificate,
    authorities: Authorities,
    now: number,
    names: string[],
  ): Promise<{ reason: string; texts: Record<string, string> } | undefined> {
    const published = this.#published?.authority === serving.authority ? this.#published.since : undefined;
    const step = authorityStep(authorities, serving.certificate, published, now);
    if (step === 'Announce') {
      const announced = await announceNext(authorities, now, this.#options.authorityLifetimeMs);
      return {
        reason: 'another authority is to follow, and is trusted from now on',
        texts: textsOf(announced),
      };
    }
    if (step === 'Switch' && authorities.next !== undefined) {
      const switched = { bundle: authorities.bundle, signer: authorities.next, next: undefined };
      const texts = { ...textsOf(switched), ...(await this.#leafOf(switched.signer)) };
      return { reason: 'the authority that was announced signs from now on', texts };
    }
    if (step === 'Retire') {
      const texts = textsOf({ ...authorities, bundle: authorities.signer.certificate });
      return { reason: 'the authority before is trusted no longer', texts };
    }
    const reason = reasonToRenew(serving.certificate, names, now);
    return reason === undefined ? undefined : { reason, texts: await this.#leafOf(authorities.signer) };
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
    const before = this.#holding?.serving;
    this.#holding = holding;
    const { serving } = holding;
    if (before?.certificate !== serving.certificate || before.authority !== serving.authority)
      onChange(serving);
    return holding;
  }

  /** All that a Secret needs. Where one was in use, it serves on until the API server trusts the new authority. */
  async #issue(): Promise<Record<string, string>> {
    const { clock, authorityLifetimeMs } = this.#options;
    const { serving, authorities } = this.#holding ?? {};
    if (serving !== undefined && authorities !== undefined && endOf(serving.certificate) > clock.now()) {
      const announced = await announceNext(authorities, clock.now(), authorityLifetimeMs);
      return { ...textsOf(announced), 'tls.crt': serving.certificate, 'tls.key': serving.key };
    }
    const signer = await issueAuthority(clock.now(), authorityLifetimeMs);
    const { 'next-ca.key': _, ...texts } = textsOf({ bundle: signer.certificate, signer, next: undefined });
    return { ...texts, ...(await this.#leafOf(signer)) };
  }

  async #leafOf(signer: KeyPair): Promise<Record<string, string>> {
    const { names, clock, leafLifetimeMs } = this.#options;
    const leaf = await issueLeaf(signer, names, clock.now(), leafLifetimeMs);
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
  const problem = problemOf(serving, serving.authority);
  if (problem !== undefined) return problem;
  if (read('ca.key') === '') return { serving, authorities: undefined };
  const authorities = authoritiesOf({
    bundle: serving.authority,
    key: read('ca.key'),
    nextKey: read('next-ca.key') || undefined,
  });
  return typeof authorities === 'string' ? authorities : { serving, authorities };
}

function isEmpty({ data }: Secret): boolean {
  return Object.values(data ?? {}).every((value) => value === '');
}

function textsOf({ bundle, signer, next }: Authorities): Record<string, string> {
  return { 'ca.crt': bundle, 'ca.key': signer.key, 'next-ca.key': next?.key ?? '' };
}

function encoded(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
}

const describe = (error: unknown) => (error instanceof Error ? error.message : String(error));
