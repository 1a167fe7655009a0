import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import pino, { type Logger } from 'pino';
import type { KeyPair } from './admission/certificate.ts';
import { CertificateDirectory } from './admission/certificate-directory.ts';
import { CertificateSecret } from './admission/certificate-secret.ts';
import { applyDefinitions, readDefinitions } from './admission/definitions.ts';
import { keepRegistered } from './admission/keep-registered.ts';
import { mutateWorkloads } from './admission/mutate-workloads.ts';
import { createProbeServer } from './admission/probes.ts';
import { readRegistrations, serverNames } from './admission/registrations.ts';
import { createAdmissionServer } from './admission/server.ts';
import { validateObjects } from './admission/validate-objects.ts';
import { validateReports } from './admission/validate-reports.ts';
import { validateTasks } from './admission/validate-tasks.ts';
import { createCaches, fillCaches } from './controllers/caches.ts';
import { type Context, FIELD_MANAGER } from './controllers/context.ts';
import { runControllers } from './controllers/operator.ts';
import { targetProblems } from './controllers/target-problems.ts';
import { wantedAtRest, wantedFor } from './controllers/wanted.ts';
import { type AgentOptions, injectionOptions } from './injection/options.ts';
import { type Client, createClient } from './kube/client.ts';
import { aborted, sleep, systemClock } from './kube/clock.ts';
import { EventRecorder } from './kube/events.ts';
import { createConnection } from './kube/https-connection.ts';
import { kubeconfigEndpoint } from './kube/kubeconfig.ts';
import { runLeaderElection } from './kube/leader.ts';
import { createMetrics } from './metrics/metrics.ts';

/** `stash serve`, as its options were written. */
export interface ServeOptions extends AgentOptions {
  namespace: string;
  webhookPort: number;
  probePort: number;
  serviceName: string;
  webhookUrl?: string;
  certificateDirectory?: string;
  allowHostPath: boolean;
  maxSessions: number;
  maxSessionsPerRepository: number;
  context?: string;
  logLevel: string;
}

/** The Lease by which replicas agree on who leads. */
const LEASE = 'stash-operator';

/** A cluster that is still coming up: so long between two tries, in milliseconds. */
const RETRY = 2_000;

/** Runs the operator until SIGTERM or SIGINT. */
export async function serve(options: ServeOptions): Promise<void> {
  const log = pino({
    level: options.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
  });
  const endpoint = kubeconfigEndpoint(options.context === undefined ? {} : { context: options.context });
  const client = createClient(createConnection(endpoint));
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping: reviews are answered for 10 s more');
      stop.abort();
    });
  }

  const caches = createCaches();
  const metrics = createMetrics(caches);
  const injection = injectionOptions(options);
  const server = createAdmissionServer({
    port: options.webhookPort,
    onAnswered: metrics.onAnswered,
    log,
    handlers: {
      '/mutate/workloads': mutateWorkloads({
        log,
        wantedFor: (namespace, kind, name) => wantedFor(caches, namespace, kind, name),
        wantedAtRest: (namespace, wanted, annotations) =>
          wantedAtRest(caches, namespace, wanted, annotations),
        injection,
      }),
      '/validate/objects': validateObjects({
        targetProblems: (kind, object, oldObject) =>
          targetProblems(
            { caches, injection, allowHostPath: options.allowHostPath },
            kind,
            object,
            oldObject,
          ),
      }),
      '/validate/tasks': validateTasks({
        functionNamed: (name) => caches.functions.get(name),
        tasks: () => caches.tasks.list(),
      }),
      '/validate/reports': validateReports({
        operator: `system:serviceaccount:${options.namespace}:stash-operator`,
      }),
    },
  });
  let changed = Promise.withResolvers<void>();
  const certificateOptions = {
    log,
    onChange: (pair: KeyPair) => {
      server.useCertificate(pair);
      changed.resolve();
      changed = Promise.withResolvers();
    },
  };
  const certificate =
    options.certificateDirectory === undefined
      ? new CertificateSecret({
          ...certificateOptions,
          client,
          namespace: options.namespace,
          names: serverNames(options.serviceName, options.namespace, options.webhookUrl),
        })
      : new CertificateDirectory({ ...certificateOptions, directory: options.certificateDirectory });
  const state = { synced: false };
  const probes = createProbeServer({
    port: options.probePort,
    metrics,
    checks: [
      { name: 'running', problem: () => (stop.signal.aborted ? 'the operator is stopping' : undefined) },
      {
        name: 'caches',
        problem: () => (state.synced ? undefined : 'the first lists have not all been read yet'),
      },
      { name: 'certificate', problem: () => certificate.problem() },
    ],
  });
  await probes.listen();
  const keepingCertificate = certificate.run(stop.signal);

  await applyOwnKinds(client, log, stop.signal);
  await fillCaches(caches, client, stop.signal, (plural, error) =>
    log.warn({ plural, err: error }, 'a watch was interrupted'),
  );
  state.synced = true;
  const port = await server.listen();
  log.info({ port, namespace: options.namespace }, 'serving');

  const events = new EventRecorder({
    client,
    reportingInstance: hostname(),
    onError: (error) => log.warn({ err: error }, 'an Event could not be written'),
  });
  const context: Context = {
    client,
    caches,
    clock: systemClock,
    events,
    log,
    injection,
    allowHostPath: options.allowHostPath,
  };
  const registering = {
    client,
    certificate,
    registrations: await readRegistrations(folder('webhook-config')),
    fieldManager: FIELD_MANAGER,
    namespace: options.namespace,
    address:
      options.webhookUrl === undefined ? { service: options.serviceName } : { url: options.webhookUrl },
    clock: systemClock,
    log,
  };
  const limits = { sessions: options.maxSessions, sessionsPerRepository: options.maxSessionsPerRepository };
  const leading = runLeaderElection({
    client,
    namespace: options.namespace,
    name: LEASE,
    identity: `${hostname()}_${crypto.randomUUID()}`,
    signal: stop.signal,
    onError: (error) => log.warn({ err: error }, 'the Lease could not be read or written'),
    onStarted: async (signal) => {
      log.info('leading');
      void keepRegistered(registering, () => changed.promise, signal);
      const stopTelling = metrics.lead();
      try {
        await runControllers(context, limits, metrics, signal);
      } finally {
        stopTelling();
      }
    },
    onStopped: () => log.info('leading no longer'),
  });
  // Where the leader's work fails for good, another process does better than this one.
  await Promise.race([leading, aborted(stop.signal)]);
  stop.abort();
  await Promise.all([leading, keepingCertificate, server.close()]);
  await events.drain();
  await probes.close();
  log.info('stopped');
}

/** Our kinds come first: without them there is nothing to watch. */
async function applyOwnKinds(client: Client, log: Logger, signal: AbortSignal): Promise<void> {
  const definitions = await readDefinitions(folder('crds'));
  while (!signal.aborted) {
    try {
      await applyDefinitions(client, definitions, { fieldManager: FIELD_MANAGER, signal });
      return;
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'the CustomResourceDefinitions could not be applied; trying again');
      await sleep(systemClock, RETRY, signal);
    }
  }
}

/** What is applied to the cluster stands beside the program in the image, and above it in a checkout. */
function folder(name: string): string {
  const beside = fileURLToPath(new URL(`./${name}`, import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../${name}`, import.meta.url));
}
