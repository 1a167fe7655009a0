// Generated from the API server's OpenAPI by scripts/generate-kubernetes-types.ts. Do not edit.
import Type from 'typebox';

/** `core/v1 ResourceRequirements`, of it limits, requests. */
export const resourceRequirements = Type.Unsafe<{
  limits?: Record<string, string | number>;
  requests?: Record<string, string | number>;
}>({
  description: 'ResourceRequirements describes the compute resource requirements.',
  type: 'object',
  properties: {
    limits: {
      description:
        'Limits describes the maximum amount of compute resources allowed. More info: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/',
      type: 'object',
      additionalProperties: {
        anyOf: [{ type: 'integer' }, { type: 'string' }],
        'x-kubernetes-int-or-string': true,
        pattern:
          '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
        hint: 'write an amount such as 100m, 64Mi or 1Gi',
        maxLength: 64,
      },
      maxProperties: 64,
    },
    requests: {
      description:
        'Requests describes the minimum amount of compute resources required. If Requests is omitted for a container, it defaults to Limits if that is explicitly specified, otherwise to an implementation-defined value. Requests cannot exceed Limits. More info: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/',
      type: 'object',
      additionalProperties: {
        anyOf: [{ type: 'integer' }, { type: 'string' }],
        'x-kubernetes-int-or-string': true,
        pattern:
          '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
        hint: 'write an amount such as 100m, 64Mi or 1Gi',
        maxLength: 64,
      },
      maxProperties: 64,
    },
  },
});

/** `core/v1 SecurityContext`, of it runAsGroup, runAsNonRoot, runAsUser. */
export const securityContext = Type.Unsafe<{
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
}>({
  description:
    'SecurityContext holds security configuration that will be applied to a container. Some fields are present in both SecurityContext and PodSecurityContext. When both are set, the values in SecurityContext take precedence.',
  type: 'object',
  properties: {
    runAsGroup: {
      description:
        'The GID to run the entrypoint of the container process. Uses runtime default if unset. May also be set in PodSecurityContext. If set in both SecurityContext and PodSecurityContext, the value specified in SecurityContext takes precedence. Note that this field cannot be set when spec.os.name is windows.',
      type: 'integer',
      format: 'int64',
    },
    runAsNonRoot: {
      description:
        'Indicates that the container must run as a non-root user. If true, the Kubelet will validate the image at runtime to ensure that it does not run as UID 0 (root) and fail to start the container if it does. If unset or false, no such validation will be performed. May also be set in PodSecurityContext. If set in both SecurityContext and PodSecurityContext, the value specified in SecurityContext takes precedence.',
      type: 'boolean',
    },
    runAsUser: {
      description:
        'The UID to run the entrypoint of the container process. Defaults to user specified in image metadata if unspecified. May also be set in PodSecurityContext. If set in both SecurityContext and PodSecurityContext, the value specified in SecurityContext takes precedence. Note that this field cannot be set when spec.os.name is windows.',
      type: 'integer',
      format: 'int64',
    },
  },
});
