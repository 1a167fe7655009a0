import type { InjectionOptions } from './wanted.ts';

/** How agents are put into workloads, as the command line says it. */
export interface AgentOptions {
  image: string;
  nativeSidecar: boolean;
  /** Names of Secrets. */
  imagePullSecret?: string[];
  /** By resource name; what is left out is as {@link DEFAULT_RESOURCES} have it. */
  agentRequests?: Record<string, string>;
  agentLimits?: Record<string, string>;
}

/**
 * What an agent asks for, and what it is limited to where the workload's own containers are limited. Node takes some 60 MiB of memory and
 * restic 100 MiB and more: with less, a Guaranteed pod would have its agent killed in every backup.
 */
export const DEFAULT_RESOURCES = {
  requests: { cpu: '10m', memory: '128Mi' },
  limits: { cpu: '500m', memory: '512Mi' },
} as const;

/** The options of an installation: the operator's and those of the command line are the same, or the one would undo the other. */
export function injectionOptions(options: AgentOptions): InjectionOptions {
  return {
    image: options.image,
    imagePullSecrets: options.imagePullSecret ?? [],
    nativeSidecar: options.nativeSidecar,
    resources: {
      requests: { ...DEFAULT_RESOURCES.requests, ...options.agentRequests },
      limits: { ...DEFAULT_RESOURCES.limits, ...options.agentLimits },
    },
  };
}
