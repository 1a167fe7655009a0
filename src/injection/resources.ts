import type { Container, Pod } from './pod.ts';
import { parseQuantity } from './quantity.ts';
import { type Raw, rawOf } from './raw.ts';
import type { InjectionOptions } from './wanted.ts';

/**
 * The resources of a container of ours, such that the pod stays in its class of service: in a Guaranteed pod requests equal
 * limits. A pod with a budget of its own (`spec.resources`) is left it: a container that asks for more than is left would have the
 * API server refuse the workload.
 */
export function resourcesFor(
  pod: Pod,
  { resources: { requests, limits } }: InjectionOptions,
): Raw | undefined {
  if (hasBudget(pod)) return undefined;
  if (isGuaranteed(pod)) {
    const both = { ...requests, ...limits };
    return { requests: both, limits: both };
  }
  return { requests, ...(limits !== undefined && { limits }) };
}

function hasBudget({ raw }: Pod): boolean {
  const { requests, limits } = rawOf(raw.resources);
  return Object.keys({ ...rawOf(requests), ...rawOf(limits) }).length > 0;
}

/** Kubernetes, "Configure Quality of Service for Pods": each container, init containers among them, has both limits and asks for no less. */
export function isGuaranteed({ containers, initContainers }: Pod): boolean {
  return [...containers, ...initContainers].every(isFixed);
}

function isFixed({ raw }: Container): boolean {
  const { requests, limits } = rawOf(raw.resources);
  return ['cpu', 'memory'].every((resource) => {
    const limit = parseQuantity(rawOf(limits)[resource]);
    const request = rawOf(requests)[resource];
    if (limit === undefined || limit <= 0) return false;
    return request === undefined || request === null || parseQuantity(request) === limit;
  });
}
