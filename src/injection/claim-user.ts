import { podOf } from './pod.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import { type Purpose, securityContextFor } from './security.ts';

/** Whoever has a claim mounted, as another pod has to be that is to read or write the same files. */
export interface ClaimUser {
  /** Of the pod: user, groups and SELinux label. There is no fsGroup: it would give every file of the claim to another group. */
  podSecurityContext: Raw;
  /** Capabilities without which root neither reads other users' files nor gives them back. */
  capabilities: string[];
  tolerations: Raw[];
}

/**
 * As whom `template` (a pod, or the template of one) works in the claim `claimName`; undefined where it does not mount it. It is the
 * user of the first container that does, one that may write before one that may not.
 */
export function claimUserOf(template: object, claimName: string, purpose: Purpose): ClaimUser | undefined {
  const pod = podOf(rawOf(template), {});
  const names = [...pod.volumes]
    .filter(([, volume]) => rawOf(volume.persistentVolumeClaim).claimName === claimName)
    .map(([name]) => name);
  const holders = [...pod.containers, ...pod.initContainers].flatMap((container) => {
    const mounts = container.mounts.filter(({ volume }) => names.includes(volume));
    return mounts.length === 0 ? [] : [{ container, isWriter: mounts.some(({ readOnly }) => !readOnly) }];
  });
  const holder = (holders.find(({ isWriter }) => isWriter) ?? holders[0])?.container;
  if (holder === undefined) return undefined;
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, capabilities } = securityContextFor(
    pod,
    holder,
    purpose,
  );
  const shared = rawOf(pod.raw.securityContext);
  const groups = [
    ...(Array.isArray(shared.supplementalGroups) ? shared.supplementalGroups : []),
    ...(shared.fsGroup === undefined ? [] : [shared.fsGroup]),
  ];
  const { add } = rawOf(capabilities);
  return {
    podSecurityContext: withoutUndefined({
      runAsUser,
      runAsGroup: runAsGroup ?? shared.runAsGroup,
      runAsNonRoot: runAsNonRoot === true ? true : undefined,
      seLinuxOptions: seLinuxOptions ?? shared.seLinuxOptions,
      supplementalGroups: groups.length === 0 ? undefined : groups,
    }),
    capabilities: Array.isArray(add) ? add.filter((each) => typeof each === 'string') : [],
    tolerations: rawsOf(pod.raw.tolerations),
  };
}

function withoutUndefined(fields: Raw): Raw {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
