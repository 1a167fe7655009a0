import type { Logger } from 'pino';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep } from '../kube/clock.ts';
import { applyRegistrations, type Registration, type RegistrationOptions } from './registrations.ts';
import type { CertificateSource } from './serving-certificate.ts';

export interface KeepRegisteredOptions extends Omit<RegistrationOptions, 'authority'> {
  client: Client;
  certificate: Pick<CertificateSource, 'current' | 'published'>;
  registrations: Registration[];
  fieldManager: string;
  clock: Clock;
  log: Pick<Logger, 'info' | 'error'>;
}

/** What somebody took away is back after so long, in milliseconds. */
const BEAT = 60_000;
const RETRY = 2_000;

/**
 * Has the API server ask us: at once where the authority changes, and anew where somebody took the registrations away.
 *
 * @param changes - resolves when the certificate next changes
 */
export async function keepRegistered(
  options: KeepRegisteredOptions,
  changes: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { client, certificate, registrations, clock, log } = options;
  let registered: string | undefined;
  while (!signal.aborted) {
    const changed = changes();
    const authority = certificate.current()?.authority;
    if (authority !== undefined) {
      try {
        await applyRegistrations(client, registrations, { ...options, authority });
        if (registered !== authority) log.info('the webhooks are registered');
        registered = authority;
        certificate.published(authority);
      } catch (error) {
        log.error({ err: error }, 'the webhooks could not be registered; trying again');
      }
    }
    const rested = new AbortController();
    const wait = sleep(
      clock,
      registered === authority ? BEAT : RETRY,
      AbortSignal.any([signal, rested.signal]),
    );
    await Promise.race([wait, changed]);
    rested.abort();
  }
}
