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

/** `core/v1 NFSVolumeSource`. */
export const nfsVolumeSource = Type.Unsafe<{ path: string; readOnly?: boolean; server: string }>({
  description:
    'Represents an NFS mount that lasts the lifetime of a pod. NFS volumes do not support ownership management or SELinux relabeling.',
  type: 'object',
  required: ['server', 'path'],
  properties: {
    path: {
      description:
        'path that is exported by the NFS server. More info: https://kubernetes.io/docs/concepts/storage/volumes#nfs',
      type: 'string',
      maxLength: 4096,
    },
    readOnly: {
      description:
        'readOnly here will force the NFS export to be mounted with read-only permissions. Defaults to false. More info: https://kubernetes.io/docs/concepts/storage/volumes#nfs',
      type: 'boolean',
    },
    server: {
      description:
        'server is the hostname or IP address of the NFS server. More info: https://kubernetes.io/docs/concepts/storage/volumes#nfs',
      type: 'string',
      maxLength: 4096,
    },
  },
});

/** `core/v1 HostPathVolumeSource`. */
export const hostPathVolumeSource = Type.Unsafe<{
  path: string;
  type?:
    | ''
    | 'BlockDevice'
    | 'CharDevice'
    | 'Directory'
    | 'DirectoryOrCreate'
    | 'File'
    | 'FileOrCreate'
    | 'Socket';
}>({
  description:
    'Represents a host path mapped into a pod. Host path volumes do not support ownership management or SELinux relabeling.',
  type: 'object',
  required: ['path'],
  properties: {
    path: {
      description:
        'path of the directory on the host. If the path is a symlink, it will follow the link to the real path. More info: https://kubernetes.io/docs/concepts/storage/volumes#hostpath',
      type: 'string',
      maxLength: 4096,
    },
    type: {
      description:
        'type for HostPath Volume Defaults to "" More info: https://kubernetes.io/docs/concepts/storage/volumes#hostpath Possible enum values: - `""` For backwards compatible, leave it empty if unset - `"BlockDevice"` A block device must exist at the given path - `"CharDevice"` A character device must exist at the given path - `"Directory"` A directory must exist at the given path - `"DirectoryOrCreate"` If nothing exists at the given path, an empty directory will be created there as needed with file mode 0755, having the same group and ownership with Kubelet. - `"File"` A file must exist at the given path - `"FileOrCreate"` If nothing exists at the given path, an empty file will be created there as needed with file mode 0644, having the same group and ownership with Kubelet. - `"Socket"` A UNIX socket must exist at the given path',
      type: 'string',
      enum: [
        '',
        'BlockDevice',
        'CharDevice',
        'Directory',
        'DirectoryOrCreate',
        'File',
        'FileOrCreate',
        'Socket',
      ],
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

/** `core/v1 SecurityContext`. */
export const containerSecurityContext = Type.Unsafe<{
  allowPrivilegeEscalation?: boolean;
  appArmorProfile?: { localhostProfile?: string; type: 'Localhost' | 'RuntimeDefault' | 'Unconfined' };
  capabilities?: { add?: string[]; drop?: string[] };
  privileged?: boolean;
  procMount?: 'Default' | 'Unmasked';
  readOnlyRootFilesystem?: boolean;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seLinuxOptions?: { level?: string; role?: string; type?: string; user?: string };
  seccompProfile?: { localhostProfile?: string; type: 'Localhost' | 'RuntimeDefault' | 'Unconfined' };
  windowsOptions?: {
    gmsaCredentialSpec?: string;
    gmsaCredentialSpecName?: string;
    hostProcess?: boolean;
    runAsUserName?: string;
  };
}>({
  description:
    'SecurityContext holds security configuration that will be applied to a container. Some fields are present in both SecurityContext and PodSecurityContext. When both are set, the values in SecurityContext take precedence.',
  type: 'object',
  properties: {
    allowPrivilegeEscalation: {
      description:
        'AllowPrivilegeEscalation controls whether a process can gain more privileges than its parent process. This bool directly controls if the no_new_privs flag will be set on the container process. AllowPrivilegeEscalation is true always when the container is: 1) run as Privileged 2) has CAP_SYS_ADMIN Note that this field cannot be set when spec.os.name is windows.',
      type: 'boolean',
    },
    appArmorProfile: {
      description:
        "appArmorProfile is the AppArmor options to use by this container. If set, this profile overrides the pod's appArmorProfile. Note that this field cannot be set when spec.os.name is windows.",
      type: 'object',
      required: ['type'],
      properties: {
        localhostProfile: {
          description:
            'localhostProfile indicates a profile loaded on the node that should be used. The profile must be preconfigured on the node to work. Must match the loaded name of the profile. Must be set if and only if type is "Localhost".',
          type: 'string',
          maxLength: 4096,
        },
        type: {
          description:
            'type indicates which kind of AppArmor profile will be applied. Valid options are: Localhost - a profile pre-loaded on the node. RuntimeDefault - the container runtime\'s default profile. Unconfined - no AppArmor enforcement. Possible enum values: - `"Localhost"` indicates that a profile pre-loaded on the node should be used. - `"RuntimeDefault"` indicates that the container runtime\'s default AppArmor profile should be used. - `"Unconfined"` indicates that no AppArmor profile should be enforced.',
          type: 'string',
          enum: ['Localhost', 'RuntimeDefault', 'Unconfined'],
        },
      },
    },
    capabilities: {
      description:
        'The capabilities to add/drop when running containers. Defaults to the default set of capabilities granted by the container runtime. Note that this field cannot be set when spec.os.name is windows.',
      type: 'object',
      properties: {
        add: {
          description: 'Added capabilities',
          type: 'array',
          items: { description: 'One of them.', type: 'string', maxLength: 4096 },
          maxItems: 64,
          'x-kubernetes-list-type': 'atomic',
        },
        drop: {
          description: 'Removed capabilities',
          type: 'array',
          items: { description: 'One of them.', type: 'string', maxLength: 4096 },
          maxItems: 64,
          'x-kubernetes-list-type': 'atomic',
        },
      },
    },
    privileged: {
      description:
        'Run container in privileged mode. Processes in privileged containers are essentially equivalent to root on the host. Defaults to false. Note that this field cannot be set when spec.os.name is windows.',
      type: 'boolean',
    },
    procMount: {
      description:
        'procMount denotes the type of proc mount to use for the containers. The default value is Default which uses the container runtime defaults for readonly paths and masked paths. This requires the ProcMountType feature flag to be enabled. Note that this field cannot be set when spec.os.name is windows. Possible enum values: - `"Default"` uses the container runtime defaults for readonly and masked paths for /proc. Most container runtimes mask certain paths in /proc to avoid accidental security exposure of special devices or information. - `"Unmasked"` bypasses the default masking behavior of the container runtime and ensures the newly created /proc the container stays in tact with no modifications.',
      type: 'string',
      enum: ['Default', 'Unmasked'],
    },
    readOnlyRootFilesystem: {
      description:
        'Whether this container has a read-only root filesystem. Default is false. Note that this field cannot be set when spec.os.name is windows.',
      type: 'boolean',
    },
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
    seLinuxOptions: {
      description:
        'The SELinux context to be applied to the container. If unspecified, the container runtime will allocate a random SELinux context for each container. May also be set in PodSecurityContext. If set in both SecurityContext and PodSecurityContext, the value specified in SecurityContext takes precedence. Note that this field cannot be set when spec.os.name is windows.',
      type: 'object',
      properties: {
        level: {
          description: 'Level is SELinux level label that applies to the container.',
          type: 'string',
          maxLength: 4096,
        },
        role: {
          description: 'Role is a SELinux role label that applies to the container.',
          type: 'string',
          maxLength: 4096,
        },
        type: {
          description: 'Type is a SELinux type label that applies to the container.',
          type: 'string',
          maxLength: 4096,
        },
        user: {
          description: 'User is a SELinux user label that applies to the container.',
          type: 'string',
          maxLength: 4096,
        },
      },
    },
    seccompProfile: {
      description:
        'The seccomp options to use by this container. If seccomp options are provided at both the pod & container level, the container options override the pod options. Note that this field cannot be set when spec.os.name is windows.',
      type: 'object',
      required: ['type'],
      properties: {
        localhostProfile: {
          description:
            'localhostProfile indicates a profile defined in a file on the node should be used. The profile must be preconfigured on the node to work. Must be a descending path, relative to the kubelet\'s configured seccomp profile location. Must be set if type is "Localhost". Must NOT be set for any other type.',
          type: 'string',
          maxLength: 4096,
        },
        type: {
          description:
            'type indicates which kind of seccomp profile will be applied. Valid options are: Localhost - a profile defined in a file on the node should be used. RuntimeDefault - the container runtime default profile should be used. Unconfined - no profile should be applied. Possible enum values: - `"Localhost"` indicates a profile defined in a file on the node should be used. The file\'s location relative to <kubelet-root-dir>/seccomp. - `"RuntimeDefault"` represents the default container runtime seccomp profile. - `"Unconfined"` indicates no seccomp profile is applied (A.K.A. unconfined).',
          type: 'string',
          enum: ['Localhost', 'RuntimeDefault', 'Unconfined'],
        },
      },
    },
    windowsOptions: {
      description:
        'The Windows specific settings applied to all containers. If unspecified, the options from the PodSecurityContext will be used. If set in both SecurityContext and PodSecurityContext, the value specified in SecurityContext takes precedence. Note that this field cannot be set when spec.os.name is linux.',
      type: 'object',
      properties: {
        gmsaCredentialSpec: {
          description:
            'GMSACredentialSpec is where the GMSA admission webhook (https://github.com/kubernetes-sigs/windows-gmsa) inlines the contents of the GMSA credential spec named by the GMSACredentialSpecName field.',
          type: 'string',
          maxLength: 4096,
        },
        gmsaCredentialSpecName: {
          description: 'GMSACredentialSpecName is the name of the GMSA credential spec to use.',
          type: 'string',
          maxLength: 4096,
        },
        hostProcess: {
          description:
            "HostProcess determines if a container should be run as a 'Host Process' container. All of a Pod's containers must have the same effective HostProcess value (it is not allowed to have a mix of HostProcess containers and non-HostProcess containers). In addition, if HostProcess is true then HostNetwork must also be set to true.",
          type: 'boolean',
        },
        runAsUserName: {
          description:
            'The UserName in Windows to run the entrypoint of the container process. Defaults to the user specified in image metadata if unspecified. May also be set in PodSecurityContext. If set in both SecurityContext and PodSecurityContext, the value specified in SecurityContext takes precedence.',
          type: 'string',
          maxLength: 4096,
        },
      },
    },
  },
});

/** `core/v1 EnvVar`. */
export const envVar = Type.Unsafe<{
  name: string;
  value?: string;
  valueFrom?: {
    configMapKeyRef?: { key: string; name?: string; optional?: boolean };
    fieldRef?: { apiVersion?: string; fieldPath: string };
    fileKeyRef?: { key: string; optional?: boolean; path: string; volumeName: string };
    resourceFieldRef?: { containerName?: string; divisor?: string | number; resource: string };
    secretKeyRef?: { key: string; name?: string; optional?: boolean };
  };
}>({
  description: 'EnvVar represents an environment variable present in a Container.',
  type: 'object',
  required: ['name'],
  properties: {
    name: {
      description:
        "Name of the environment variable. May consist of any printable ASCII characters except '='.",
      type: 'string',
      maxLength: 4096,
    },
    value: {
      description:
        'Variable references $(VAR_NAME) are expanded using the previously defined environment variables in the container and any service environment variables. If a variable cannot be resolved, the reference in the input string will be unchanged. Double $$ are reduced to a single $, which allows for escaping the $(VAR_NAME) syntax: i.e. "$$(VAR_NAME)" will produce the string literal "$(VAR_NAME)". Escaped references will never be expanded, regardless of whether the variable exists or not. Defaults to "".',
      type: 'string',
      maxLength: 4096,
    },
    valueFrom: {
      description: "Source for the environment variable's value. Cannot be used if value is not empty.",
      type: 'object',
      properties: {
        configMapKeyRef: {
          description: 'Selects a key of a ConfigMap.',
          type: 'object',
          required: ['key'],
          properties: {
            key: { description: 'The key to select.', type: 'string', maxLength: 4096 },
            name: {
              description:
                'Name of the referent. This field is effectively required, but due to backwards compatibility is allowed to be empty. Instances of this type with an empty value here are almost certainly wrong. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names',
              type: 'string',
              maxLength: 4096,
            },
            optional: {
              description: 'Specify whether the ConfigMap or its key must be defined',
              type: 'boolean',
            },
          },
          'x-kubernetes-map-type': 'atomic',
        },
        fieldRef: {
          description:
            "Selects a field of the pod: supports metadata.name, metadata.namespace, `metadata.labels['<KEY>']`, `metadata.annotations['<KEY>']`, spec.nodeName, spec.serviceAccountName, status.hostIP, status.podIP, status.podIPs.",
          type: 'object',
          required: ['fieldPath'],
          properties: {
            apiVersion: {
              description: 'Version of the schema the FieldPath is written in terms of, defaults to "v1".',
              type: 'string',
              maxLength: 4096,
            },
            fieldPath: {
              description: 'Path of the field to select in the specified API version.',
              type: 'string',
              maxLength: 4096,
            },
          },
          'x-kubernetes-map-type': 'atomic',
        },
        fileKeyRef: {
          description:
            'FileKeyRef selects a key of the env file. Requires the EnvFiles feature gate to be enabled.',
          type: 'object',
          required: ['volumeName', 'path', 'key'],
          properties: {
            key: {
              description:
                "The key within the env file. An invalid key will prevent the pod from starting. The keys defined within a source may consist of any printable ASCII characters except '='. During Alpha stage of the EnvFiles feature gate, the key size is limited to 128 characters.",
              type: 'string',
              maxLength: 4096,
            },
            optional: {
              description:
                "Specify whether the file or its key must be defined. If the file or key does not exist, then the env var is not published. If optional is set to true and the specified key does not exist, the environment variable will not be set in the Pod's containers. If optional is set to false and the specified key does not exist, an error will be returned during Pod creation.",
              type: 'boolean',
            },
            path: {
              description:
                "The path within the volume from which to select the file. Must be relative and may not contain the '..' path or start with '..'.",
              type: 'string',
              maxLength: 4096,
            },
            volumeName: {
              description: 'The name of the volume mount containing the env file.',
              type: 'string',
              maxLength: 4096,
            },
          },
          'x-kubernetes-map-type': 'atomic',
        },
        resourceFieldRef: {
          description:
            'Selects a resource of the container: only resources limits and requests (limits.cpu, limits.memory, limits.ephemeral-storage, requests.cpu, requests.memory and requests.ephemeral-storage) are currently supported.',
          type: 'object',
          required: ['resource'],
          properties: {
            containerName: {
              description: 'Container name: required for volumes, optional for env vars',
              type: 'string',
              maxLength: 4096,
            },
            divisor: {
              description: 'Specifies the output format of the exposed resources, defaults to "1"',
              anyOf: [{ type: 'integer' }, { type: 'string' }],
              'x-kubernetes-int-or-string': true,
              pattern:
                '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
              hint: 'write an amount such as 100m, 64Mi or 1Gi',
              maxLength: 64,
            },
            resource: { description: 'Required: resource to select', type: 'string', maxLength: 4096 },
          },
          'x-kubernetes-map-type': 'atomic',
        },
        secretKeyRef: {
          description: "Selects a key of a secret in the pod's namespace",
          type: 'object',
          required: ['key'],
          properties: {
            key: {
              description: 'The key of the secret to select from. Must be a valid secret key.',
              type: 'string',
              maxLength: 4096,
            },
            name: {
              description:
                'Name of the referent. This field is effectively required, but due to backwards compatibility is allowed to be empty. Instances of this type with an empty value here are almost certainly wrong. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names',
              type: 'string',
              maxLength: 4096,
            },
            optional: {
              description: 'Specify whether the Secret or its key must be defined',
              type: 'boolean',
            },
          },
          'x-kubernetes-map-type': 'atomic',
        },
      },
    },
  },
});

/** `core/v1 VolumeMount`. */
export const volumeMount = Type.Unsafe<{
  mountPath: string;
  mountPropagation?: 'Bidirectional' | 'HostToContainer' | 'None';
  name: string;
  readOnly?: boolean;
  recursiveReadOnly?: string;
  subPath?: string;
  subPathExpr?: string;
}>({
  description: 'VolumeMount describes a mounting of a Volume within a container.',
  type: 'object',
  required: ['name', 'mountPath'],
  properties: {
    mountPath: {
      description: "Path within the container at which the volume should be mounted. Must not contain ':'.",
      type: 'string',
      maxLength: 4096,
    },
    mountPropagation: {
      description:
        'mountPropagation determines how mounts are propagated from the host to container and the other way around. When not set, MountPropagationNone is used. This field is beta in 1.10. When RecursiveReadOnly is set to IfPossible or to Enabled, MountPropagation must be None or unspecified (which defaults to None). Possible enum values: - `"Bidirectional"` means that the volume in a container will receive new mounts from the host or other containers, and its own mounts will be propagated from the container to the host or other containers. Note that this mode is recursively applied to all mounts in the volume ("rshared" in Linux terminology). - `"HostToContainer"` means that the volume in a container will receive new mounts from the host or other containers, but filesystems mounted inside the container won\'t be propagated to the host or other containers. Note that this mode is recursively applied to all mounts in the volume ("rslave" in Linux terminology). - `"None"` means that the volume in a container will not receive new mounts from the host or other containers, and filesystems mounted inside the container won\'t be propagated to the host or other containers. Note that this mode corresponds to "private" in Linux terminology.',
      type: 'string',
      enum: ['Bidirectional', 'HostToContainer', 'None'],
    },
    name: { description: 'This must match the Name of a Volume.', type: 'string', maxLength: 4096 },
    readOnly: {
      description:
        'Mounted read-only if true, read-write otherwise (false or unspecified). Defaults to false.',
      type: 'boolean',
    },
    recursiveReadOnly: {
      description:
        'RecursiveReadOnly specifies whether read-only mounts should be handled recursively. If ReadOnly is false, this field has no meaning and must be unspecified. If ReadOnly is true, and this field is set to Disabled, the mount is not made recursively read-only. If this field is set to IfPossible, the mount is made recursively read-only, if it is supported by the container runtime. If this field is set to Enabled, the mount is made recursively read-only if it is supported by the container runtime, otherwise the pod will not be started and an error will be generated to indicate the reason. If this field is set to IfPossible or Enabled, MountPropagation must be set to None (or be unspecified, which defaults to None). If this field is not specified, it is treated as an equivalent of Disabled.',
      type: 'string',
      maxLength: 4096,
    },
    subPath: {
      description:
        'Path within the volume from which the container\'s volume should be mounted. Defaults to "" (volume\'s root).',
      type: 'string',
      maxLength: 4096,
    },
    subPathExpr: {
      description:
        "Expanded path within the volume from which the container's volume should be mounted. Behaves similarly to SubPath but environment variable references $(VAR_NAME) are expanded using the container's environment. Defaults to \"\" (volume's root). SubPathExpr and SubPath are mutually exclusive.",
      type: 'string',
      maxLength: 4096,
    },
  },
});
