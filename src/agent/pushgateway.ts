import type { Agent } from './agent.ts';

export interface PushOptions {
  /** Of the Pushgateway, such as http://pushgateway.monitoring:9091. */
  url: string;
}

/** As a Function of a last step writes them; an empty text is as if it were left out. */
export interface PushSwitch {
  metricsEnabled?: string;
  pushgatewayUrl?: string;
}

/** Where to push, if at all. A switch that is neither on nor off is a mistake of its author, of which the log alone tells. */
export function pushOf(
  { logger }: Pick<Agent, 'logger'>,
  { metricsEnabled = '', pushgatewayUrl: url = '' }: PushSwitch,
): { push?: PushOptions } {
  if (!['', 'true', 'false'].includes(metricsEnabled)) {
    logger.warn(
      { found: metricsEnabled },
      'the metrics are not pushed: enableMetric is neither "true" nor "false"; correct it where it is set',
    );
  }
  return metricsEnabled === 'true' && url !== '' ? { push: { url } } : {};
}

export interface Outcome {
  session: 'backup' | 'restore';
  /** Of the target. */
  kind: string;
  target: string;
  /** What tells one series of sessions from another in the namespace: the BackupConfiguration, or the target of a restore. */
  instance: string;
  succeeded: boolean;
  bytes: number;
  /** RFC 3339. */
  startTime: string | undefined;
}

const timeoutMs = 10_000;

/** Of a pod that is terminated, whose report has to go out too before the kubelet kills it. */
const lastTimeoutMs = 3_000;

/**
 * The group of an outcome at the Pushgateway, whose labels stand in the path; a value is in base64, since it may have a slash.
 *
 * @see https://github.com/prometheus/pushgateway#url
 */
export function groupPath(namespace: string, { session, instance }: Outcome): string {
  const value = Buffer.from(`${namespace}/${instance}`).toString('base64url');
  return `metrics/job/stash-${session}/instance@base64/${value}`;
}

/** An outcome in Prometheus' text format. The last success is left out of a failure, so that the one before stays. */
export function formatOutcome(namespace: string, outcome: Outcome, now: number): string {
  const { session, kind, target, succeeded, bytes, startTime } = outcome;
  const labels = `{namespace="${namespace}",kind="${kind}",name="${target}"}`;
  const gauges: [string, string, number][] = [
    ['success', 'Whether the last session succeeded.', succeeded ? 1 : 0],
    ['bytes', 'Bytes that the last session backed up or restored.', bytes],
  ];
  if (startTime !== undefined) {
    const seconds = Math.max(0, (now - Date.parse(startTime)) / 1000);
    gauges.push(['duration_seconds', 'How long the last session took.', seconds]);
  }
  if (succeeded) {
    const help = 'When a session last succeeded, in seconds since the epoch.';
    gauges.push(['last_success_timestamp_seconds', help, now / 1000]);
  }
  return gauges
    .map(([name, help, value]) => {
      const metric = `stash_task_${session}_${name}`;
      return `# HELP ${metric} ${help}\n# TYPE ${metric} gauge\n${metric}${labels} ${value}\n`;
    })
    .join('');
}

/** Tells the Pushgateway of an outcome. Whatever becomes of that, the session's own outcome stands. */
export async function pushOutcome(
  { clock, identity, logger, signal }: Agent,
  { url }: PushOptions,
  outcome: Outcome,
): Promise<void> {
  const { namespace } = identity;
  try {
    const base = url.endsWith('/') ? url : `${url}/`;
    // POST replaces the metrics that it names; PUT would take the last success away with the rest.
    const response = await fetch(new URL(groupPath(namespace, outcome), base), {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain; version=0.0.4' },
      body: formatOutcome(namespace, outcome, clock.now()),
      redirect: 'error',
      signal: AbortSignal.timeout(signal.aborted ? lastTimeoutMs : timeoutMs),
    });
    if (response.ok) logger.info('the metrics are pushed');
    else logger.warn({ status: response.status }, 'the metrics were not accepted by the Pushgateway');
    await response.body?.cancel();
  } catch (error) {
    // Not the error itself, whose message may have the URL in it, and that a password.
    const why = error instanceof Error ? error.name : 'unknown';
    logger.warn({ why }, 'the metrics could not be pushed');
  }
}
