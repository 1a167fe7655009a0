// With pod-access.ts the only file that loads @kubernetes/client-node: docs/decisions/0002-one-raw-client.md.
import { KubeConfig } from '@kubernetes/client-node';
import { type Clock, systemClock } from './clock.ts';
import type { Credentials, Endpoint } from './https-connection.ts';

export interface KubeconfigOptions {
  /** The current one by default. */
  context?: string;
  clock?: Clock;
}

/** client-node reads certificate files anew at each call: once in a while is enough. */
const credentialsAgeMs = 30_000;

/**
 * The API server of a kubeconfig, found as kubectl finds it: KUBECONFIG, else the file in the home directory, else the pod's own.
 *
 * Every kind of user works that client-node knows: certificates, tokens, exec plugins, OIDC, basic; and `proxy-url`.
 *
 * @throws {Error} where there is no such context, or it has no cluster
 */
export function kubeconfigEndpoint(options: KubeconfigOptions = {}): Endpoint {
  const { clock = systemClock } = options;
  let config = loadKubeConfig(options.context);
  const server = clusterOf(config).server;
  let current: Promise<Credentials> | undefined;
  let readAt = 0;
  return {
    server,
    credentials: (renew) => {
      const age = clock.now() - readAt;
      if (current !== undefined && !renew && age >= 0 && age < credentialsAgeMs) return current;
      // client-node keeps an exec plugin's token until it expires, even where the server has refused it.
      if (renew) config = loadKubeConfig(options.context);
      readAt = clock.now();
      current = credentialsOf(config);
      current.catch(() => {
        readAt = 0;
        current = undefined;
      });
      return current;
    },
  };
}

/** The kubeconfig that kubectl would use, or else the pod's own; `context` is its current one where it is given. */
export function loadKubeConfig(context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  // What client-node makes up where it finds nothing.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new Error('no kubeconfig: set KUBECONFIG to one, or run in a pod with a service account');
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new Error(`the kubeconfig has no context ${context}; it has ${known.join(', ') || 'none'}`);
    }
    config.setCurrentContext(context);
  }
  return config;
}

function clusterOf(config: KubeConfig) {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error(`the context ${config.getCurrentContext()} of the kubeconfig has no cluster`);
  return cluster;
}

async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const { agent, ...credentials }: Credentials = await applied(config);
  // Its agent keeps the first certificates that it saw for ever: ours takes them from each request.
  return clusterOf(config).proxyUrl === undefined ? credentials : { ...credentials, agent };
}

async function applied(config: KubeConfig): Promise<Credentials> {
  const options: Credentials = {};
  await config.applyToHTTPSOptions(options);
  return options;
}
