import { hostname } from 'node:os';
import pino, { type Logger } from 'pino';
import type { KeyPair } from './admission/certificate.ts';
import { CertificateDirectory } from './admission/certificate-directory.ts';
import { CertificateSecret } from './admission/certificate-secret.ts';
import { applyDefinitions, readDefinitions } from './admission/definitions.ts';
import { keepRegistered } from './admission/keep-registered.ts';
import { mutateWorkloads } from './admission/mutate-workloads.ts';
import { createProbeServer } from './admission/probes.ts';
import { operatorName, readRegistrations, serverNames } from './admission/registrations.ts';
import { createAdmissionServer } from './admission/server.ts';
import { validateObjects } from './admission/validate-objects.ts';
import { validateReports } from './admission/validate-reports.ts';
import { validateTasks } from './admission/validate-tasks.ts';
import { createCaches, fillCaches } from './controllers/caches.ts';
import { applyCatalog, readCatalog } from './controllers/catalog.ts';
import type { Context } from './controllers/context.ts';
import { runControllers } from './controllers/operator.ts';
import { targetProblems } from './controllers/target-problems.ts';
import { wantedAtRest, wantedFor } from './controllers/wanted.ts';
import { folder } from './folder.ts';
import { type AgentOptions, injectionOptions } from './injection/options.ts';
import { type Client, createClient } from './kube/client.ts';
import { aborted, sleep, systemClock } from './kube/clock.ts';
import { EventRecorder } from './kube/events.ts';
import { FIELD_MANAGER } from './kube/field-managers.ts';
import { createConnection } from './kube/https-connection.ts';
import { kubeconfigEndpoint } from './kube/kubeconfig.ts';
import { runLeaderElection } from './kube/leader.ts';
import { podAccess } from './kube/pod-access.ts';
import { createMetrics } from './metrics/metrics.ts';

/** `stash serve`, as its options were written. */
export interface ServeOptions extends AgentOptions {
  namespace: string;
  webhookPort: number;
  probePort: number;
  serviceName: string;
  webhookUrl?: string;
  certificateDirectory?: string;
  /** The image of the catalog's Functions that have to do with PostgreSQL. */
  postgresImage: string;
  allowHostPath: boolean;
  maxSessions: number;
  maxSessionsPerRepository: number;
  enableMetric: boolean;
  pushgatewayUrl?: string;
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
        wantedFor: (namespace, kind, name, workload) => wantedFor(caches, namespace, kind, name, workload),
        wantedAtRest: (namespace, wanted, workload) => wantedAtRest(caches, namespace, wanted, workload),
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
        operator: operatorName(options.namespace),
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
    pods: podAccess(options.context),
    caches,
    clock: systemClock,
    events,
    log,
    injection,
    allowHostPath: options.allowHostPath,
    taskMetrics: {
      enableMetric: options.enableMetric,
      ...(options.pushgatewayUrl !== undefined && { pushgatewayURL: options.pushgatewayUrl }),
    },
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
  const catalog = await readCatalog(folder('manifests/catalog'), {
    stash: options.image,
    'stash-postgres': options.postgresImage,
  });
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
      void applyCatalog({ client, clock: systemClock, fieldManager: FIELD_MANAGER, log }, catalog, signal);
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
      const onNewer = (definition: string, version: string) =>
        log.warn({ definition, version }, 'a definition is of a newer version, and is left as it is');
      await applyDefinitions(client, definitions, { fieldManager: FIELD_MANAGER, signal, onNewer });
      return;
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'the CustomResourceDefinitions could not be applied; trying again');
      await sleep(systemClock, RETRY, signal);
    }
  }
}
