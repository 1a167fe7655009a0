import { TOKEN_PATH, TOKEN_VOLUME, tokenVolume } from '../api/agent-pod.ts';
import { agentEnvironment, NO_ENVIRONMENT } from './environment.ts';
import { SCRATCH_PATH, SIDECAR, SIDECAR_SCRATCH_VOLUME } from './layout.ts';
import { podOf, podTemplateOf } from './pod.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import { mountRepository, volumesOf } from './repositories.ts';
import type { InjectionOptions, RepositoryWanted } from './wanted.ts';

/** The container of a pod that checks a repository. */
export const CHECK = 'stash-check';

/** Who the pod is, in the files of a volume and for the scheduler. */
export interface CheckIdentity {
  /** Of the container. */
  securityContext: Raw;
  /** Of the pod. */
  podSecurityContext: Raw;
  affinity?: Raw;
}

/** Nobody in particular: enough for every repository that is not a directory of a volume. */
export const NOBODY: CheckIdentity = {
  securityContext: { runAsUser: 65532, runAsGroup: 65532, runAsNonRoot: true },
  podSecurityContext: {},
};

/** By the node that a pod of the workload is on, a volume that one node has at a time can be mounted. */
const SAME_NODE = 'kubernetes.io/hostname';

/**
 * Whoever writes a repository on a volume: its files are the sidecar's, so that a check runs as the user that the sidecar of `workload`
 * is, without the pod's fsGroup (which would rewrite the owner of every file), and near its pods. Undefined where it has none.
 */
export function identityOfSidecar(workload: object): CheckIdentity | undefined {
  const spec = rawOf(podTemplateOf(workload)?.spec);
  const sidecar = [...rawsOf(spec.containers), ...rawsOf(spec.initContainers)].find(
    ({ name }) => name === SIDECAR,
  );
  if (sidecar === undefined) return undefined;
  const shared = rawOf(spec.securityContext);
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, fsGroup, supplementalGroups } = shared;
  const groups = [
    ...(Array.isArray(supplementalGroups) ? supplementalGroups : []),
    ...(fsGroup === undefined ? [] : [fsGroup]),
  ];
  return {
    securityContext: rawOf(sidecar.securityContext),
    podSecurityContext: withoutUndefined({
      runAsUser,
      runAsGroup,
      runAsNonRoot,
      seLinuxOptions,
      supplementalGroups: groups.length === 0 ? undefined : groups,
    }),
    affinity: {
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: { topologyKey: SAME_NODE, labelSelector: rawOf(rawOf(workload).spec).selector },
          },
        ],
      },
    },
  };
}

/**
 * The spec of a pod that checks `repository` and ends. The credentials are mounted into it alone; it meets the restricted Pod Security
 * Standard wherever `identity` does.
 */
export function checkPod(
  repository: RepositoryWanted,
  identity: CheckIdentity,
  serviceAccountName: string,
  options: InjectionOptions,
): Raw {
  const empty = podOf({}, {});
  const mounts = mountRepository(empty, repository);
  if (!('volumeMounts' in mounts)) throw new Error(mounts.message);
  const { image, imagePullPolicy, imagePullSecrets, resources } = options;
  return {
    restartPolicy: 'Never',
    serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' }, ...identity.podSecurityContext },
    ...(identity.affinity !== undefined && { affinity: identity.affinity }),
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    containers: [
      {
        name: CHECK,
        image,
        ...(imagePullPolicy !== undefined && { imagePullPolicy }),
        command: ['stash'],
        args: ['agent', 'check', `--repository=${repository.name}`],
        ...agentEnvironment(NO_ENVIRONMENT),
        resources: { requests: resources.requests, ...(resources.limits && { limits: resources.limits }) },
        terminationMessagePolicy: 'FallbackToLogsOnError',
        securityContext: {
          ...identity.securityContext,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          seccompProfile: { type: 'RuntimeDefault' },
          capabilities: { drop: ['ALL'], ...added(identity.securityContext) },
        },
        volumeMounts: [
          ...mounts.volumeMounts,
          { name: SIDECAR_SCRATCH_VOLUME, mountPath: SCRATCH_PATH },
          { name: TOKEN_VOLUME, mountPath: TOKEN_PATH, readOnly: true },
        ],
      },
    ],
    volumes: [
      ...volumesOf(empty, [repository]),
      { name: SIDECAR_SCRATCH_VOLUME, emptyDir: {} },
      tokenVolume(),
    ],
  };
}

/** The sidecar of a root user may override modes, and nothing else. */
function added({ capabilities }: Raw): { add?: string[] } {
  const { add } = rawOf(capabilities);
  return Array.isArray(add) && add.includes('DAC_OVERRIDE') ? { add: ['DAC_OVERRIDE'] } : {};
}

function withoutUndefined(fields: Record<string, unknown>): Raw {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
