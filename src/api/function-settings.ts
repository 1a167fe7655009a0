import { containerSecurityContext, envVar, resourceRequirements, volumeMount } from './kubernetes-types.ts';
import { list, object, optional, type Static } from './schema.ts';

export type EnvVar = Static<typeof envVar>;
export type VolumeMount = Static<typeof volumeMount>;

/** Fields of Kubernetes' own types, with the schema that the API server has of them. */
export const volumeMounts = list(volumeMount, {
  description: `Volumes of the container. The name is that of the temporary volume, of the claim that is the target, or of the storage Secret: \${tmpVolumeName}, \${target.name} or \${secretName}.`,
  maxItems: 32,
});

export const functionSettings = object(
  {
    env: optional(list(envVar, { description: 'Environment variables.', maxItems: 128 })),
    resources: optional(resourceRequirements),
    securityContext: optional(containerSecurityContext),
  },
  {
    description:
      'How the container runs. Where nothing else is said, it meets the restricted Pod Security Standard.',
  },
);

export type FunctionSettings = Static<typeof functionSettings>;
