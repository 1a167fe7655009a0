import { quoted } from '../api/problem.ts';
import { parseQuantity } from '../api/quantity.ts';
import type { Container, Pod } from './pod.ts';
import { type Raw, rawOf } from './raw.ts';
import type { InjectionOptions, Resources } from './wanted.ts';

/**
 * The resources of a container of ours, such that the pod stays in its class of service: in a Guaranteed pod requests equal
 * limits. A pod with a budget of its own (`spec.resources`) is left it: a container that asks for more than is left would have the
 * API server refuse the workload.
 */
export function resourcesFor(
  pod: Pod,
  { resources }: InjectionOptions,
  settings: Resources = {},
): Raw | undefined {
  if (hasBudget(pod)) return undefined;
  const { requests, limits } = overridden(withLimitsOf(pod, resources), settings);
  if (isGuaranteed(pod)) {
    const both = { ...requests, ...limits };
    return { requests: both, limits: both };
  }
  return { requests, ...(limits !== undefined && { limits }) };
}

/**
 * A namespace with a quota on limits takes no container without them, and then the workload's have them all; where they have none,
 * a limit would only slow the agent down.
 */
function withLimitsOf(
  { containers }: Pod,
  { requests, limits = {} }: InjectionOptions['resources'],
): InjectionOptions['resources'] {
  const isLimited = ([resource]: [string, string]) =>
    containers.every(({ raw }) => rawOf(rawOf(raw.resources).limits)[resource] !== undefined);
  return { requests, limits: Object.fromEntries(Object.entries(limits).filter(isLimited)) };
}

/** What the settings say, and of what they leave out what the installation says, as far as the one does not exceed the other. */
function overridden(
  installation: InjectionOptions['resources'],
  settings: Resources,
): { requests: Record<string, string | number>; limits?: Record<string, string | number> } {
  const requests = { ...installation.requests, ...settings.requests };
  const limits = { ...installation.limits, ...settings.limits };
  for (const [resource, limit] of Object.entries(limits)) {
    const request = requests[resource];
    if (request === undefined || !exceeds(request, limit)) continue;
    if (settings.limits?.[resource] === undefined) limits[resource] = request;
    else requests[resource] = limit;
  }
  return { requests, ...(Object.keys(limits).length > 0 && { limits }) };
}

const exceeds = (a: unknown, b: unknown) => (parseQuantity(a) ?? 0) > (parseQuantity(b) ?? 0);

/** What a container may ask for that is on every node. */
const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

/** Why the API server would refuse a workload whose sidecar asks for this; `field` is a path in it. */
export function resourcesFault({
  requests = {},
  limits = {},
}: Resources): { field: string; message: string } | undefined {
  for (const [part, quantities] of Object.entries({ requests, limits })) {
    for (const [resource, quantity] of Object.entries(quantities)) {
      const field = `${part}.${resource}`;
      if (!RESOURCES.includes(resource)) {
        return {
          field,
          message: `${quoted(resource)} is not for a sidecar to ask for; name ${RESOURCES.join(', ')}`,
        };
      }
      const amount = parseQuantity(quantity);
      if (amount === undefined || amount < 0) {
        return { field, message: `${quoted(quantity)} is no quantity; write one such as 100m, 64Mi or 1Gi` };
      }
    }
  }
  const over = Object.keys(requests).find(
    (resource) => resource in limits && exceeds(requests[resource], limits[resource]),
  );
  if (over === undefined) return undefined;
  return {
    field: `requests.${over}`,
    message: `${quoted(requests[over])} is more than the limit of ${quoted(limits[over])}; write that much or less`,
  };
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
