import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Caches } from '../controllers/caches.ts';
import type { QueueDepth } from '../kube/queue.ts';
import { type StateMetrics, stateMetrics } from './state.ts';

/** What the operator tells of itself, and what it knows of the backups of the cluster while it leads. */
export interface Metrics {
  contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  /** A review was answered. */
  onAnswered(path: string, outcome: string, seconds: number): void;
  onDepth(controller: string, depth: QueueDepth): void;
  onError(controller: string): void;
  /** This replica leads. What comes back is called when it does so no longer. */
  lead(): () => void;
}

/** A review has 5 s, and is answered in less than a millisecond. In seconds. */
const REVIEW_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * The names follow Prometheus' "Metric and label naming". docs/metrics.md tells each.
 *
 * @see https://prometheus.io/docs/practices/naming/
 */
export function createMetrics(caches: Caches): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const reviews = new Histogram({
    name: 'stash_admission_review_duration_seconds',
    help: 'How long it took to answer a review, by path and outcome.',
    labelNames: ['path', 'outcome'],
    buckets: REVIEW_BUCKETS,
    registers,
  });
  const keys = new Gauge({
    name: 'stash_controller_queue_keys',
    help: 'Objects in the queue of a controller: ready, running, or delayed.',
    labelNames: ['controller', 'state'],
    registers,
  });
  const errors = new Counter({
    name: 'stash_controller_reconcile_errors_total',
    help: 'Reconciliations that failed and are tried again, conflicts left out.',
    labelNames: ['controller'],
    registers,
  });
  const leader = new Gauge({ name: 'stash_leader', help: '1 while this replica leads.', registers });
  const state: StateMetrics = stateMetrics(caches, registers);
  /** To look up a child by its labels costs more than to observe. */
  const children = new Map<string, { observe(seconds: number): void }>();

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    onAnswered: (path, outcome, seconds) => {
      const key = `${path} ${outcome}`;
      const child = children.get(key) ?? reviews.labels(path, outcome);
      children.set(key, child);
      child.observe(seconds);
    },
    onDepth: (controller, depth) => {
      keys.labels(controller, 'ready').set(depth.ready);
      keys.labels(controller, 'running').set(depth.running);
      keys.labels(controller, 'delayed').set(depth.delayed);
    },
    onError: (controller) => errors.labels(controller).inc(),
    lead: () => {
      leader.set(1);
      const stop = state.watch();
      return () => {
        leader.set(0);
        keys.reset();
        stop();
      };
    },
  };
}
