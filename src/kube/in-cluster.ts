import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import type { Credentials, Endpoint } from './https-connection.ts';

export interface InClusterOptions {
  env: Record<string, string | undefined>;
  directory?: string;
  clock?: Clock;
}

const usualDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** kubelet writes a new token at four fifths of its life, an hour as a rule: client-go reads it every minute, too. */
const tokenAgeMs = 60_000;

/**
 * The API server as a pod sees it: by KUBERNETES_SERVICE_HOST and _PORT, with the token and `ca.crt` of the service account mount.
 *
 * @throws {Error} where the process is not in a pod
 */
export function inClusterEndpoint(options: InClusterOptions): Endpoint {
  const { env, directory = usualDirectory, clock = systemClock } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new Error(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this process is not in a pod',
    );
  }
  const read = async (): Promise<Credentials> => {
    const [token, ca] = await Promise.all([
      readFile(join(directory, 'token'), 'utf8'),
      readFile(join(directory, 'ca.crt'), 'utf8'),
    ]);
    return { ca, headers: { authorization: `Bearer ${token.trim()}` } };
  };
  let current: Promise<Credentials> | undefined;
  let readAt = 0;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    credentials: (renew) => {
      const age = clock.now() - readAt;
      if (current !== undefined && !renew && age >= 0 && age < tokenAgeMs) return current;
      const last = current;
      readAt = clock.now();
      // What was good a minute ago is better than nothing, and the server says when it is not.
      current = read().catch((error: unknown) => {
        readAt = 0;
        if (last === undefined) throw error;
        return last;
      });
      return current;
    },
  };
}
