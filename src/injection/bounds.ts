import { type Raw, rawOf, rawsOf } from './raw.ts';

/*
 * Kubernetes bounds these by nothing but the size of an object, and what is put in is compared with each: without a bound one Deployment
 * of one team could keep the webhook from all others, for tens of seconds at each of its events (4,000 volumes: 7 s; 400 mounts, each
 * in the one before: 38 s). Those of a real workload have tens at most.
 */
const MOST_CONTAINERS = 128;
const MOST_MOUNTS = 64;
const MOST_VOLUMES = 512;

/** What of a pod template there is more of than is looked at, as a sentence; undefined where nothing is. */
export function excessOf(template: Raw): string | undefined {
  const spec = rawOf(template.spec);
  const containers = [...rawsOf(spec.containers), ...rawsOf(spec.initContainers)];
  const crowded = containers.find(({ volumeMounts }) => rawsOf(volumeMounts).length > MOST_MOUNTS);
  if (crowded !== undefined)
    return `the container "${crowded.name}" has more than ${MOST_MOUNTS} volumeMounts`;
  if (containers.length > MOST_CONTAINERS) return `it has more than ${MOST_CONTAINERS} containers`;
  return rawsOf(spec.volumes).length > MOST_VOLUMES ? `it has more than ${MOST_VOLUMES} volumes` : undefined;
}
