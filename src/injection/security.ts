import { quoted } from '../api/problem.ts';
import type { Container, Pod } from './pod.ts';
import { type Raw, rawOf } from './raw.ts';
import type { SidecarSettings } from './wanted.ts';

export type Purpose = 'backup' | 'restore';

/**
 * Without these, UID 0 neither reads other users' files nor gives them back to their owners. Without FSETID the kernel takes setgid away,
 * and says nothing, as the mode of a file is set whose group is not one of the process's own.
 */
const ROOT_CAPABILITIES: Readonly<Record<Purpose, string[]>> = {
  backup: ['DAC_OVERRIDE'],
  restore: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'],
};

/**
 * The security context of a container of ours, which reads or writes the files of `holder`: its user, and nothing that a pod of
 * the restricted Pod Security Standard may not have where the user's own pod meets it.
 */
export function securityContextFor(
  pod: Pod,
  holder: Container,
  purpose: Purpose,
  settings: SecuritySettings = {},
): Raw {
  const own = rawOf(holder.raw.securityContext);
  const shared = rawOf(pod.raw.securityContext);
  const declared = own.runAsUser ?? shared.runAsUser ?? undefined;
  const nonRoot = settings.runAsNonRoot === true || mustNotBeRoot(pod, holder);
  const runAsUser = settings.runAsUser ?? declared ?? (nonRoot ? undefined : 0);
  const runAsGroup = settings.runAsGroup ?? own.runAsGroup;
  const privileged = runAsUser === 0 && !nonRoot && (declared === undefined || overridesModes(own));

  return {
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    ...(nonRoot && { runAsNonRoot: true }),
    ...(!nonRoot && shared.runAsNonRoot === true && { runAsNonRoot: false }),
    // The label decides which files SELinux lets a container read, whoever owns them.
    ...(own.seLinuxOptions !== undefined && { seLinuxOptions: own.seLinuxOptions }),
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    seccompProfile: { type: 'RuntimeDefault' },
    capabilities: { drop: ['ALL'], ...(privileged && { add: ROOT_CAPABILITIES[purpose] }) },
  };
}

/** Why a pod whose sidecar runs so would not be run: one that must not be root's is not to get a container that is. */
export function securityFault(pod: Pod, holder: Container, settings: SecuritySettings): string | undefined {
  const { runAsUser, runAsNonRoot } = settings;
  if (runAsUser === 0 && runAsNonRoot === true)
    return 'runAsUser 0 is root, which runAsNonRoot forbids; take one of them out';
  if (!mustNotBeRoot(pod, holder)) return undefined;
  const wants = runAsUser === 0 ? 'runAsUser 0' : runAsNonRoot === false ? 'runAsNonRoot false' : undefined;
  if (wants === undefined) return undefined;
  return `the container ${quoted(holder.name)} must not run as root, so the sidecar must not either, and ${wants} is asked for; take it out`;
}

type SecuritySettings = NonNullable<SidecarSettings['securityContext']>;

function mustNotBeRoot(pod: Pod, holder: Container): boolean {
  return (
    (rawOf(holder.raw.securityContext).runAsNonRoot ?? rawOf(pod.raw.securityContext).runAsNonRoot) === true
  );
}

/** Whether the container's own root may do what DAC_OVERRIDE gives, as it may unless that is dropped: no right is gained. */
function overridesModes({ capabilities, privileged }: Raw): boolean {
  if (privileged === true) return true;
  const { add, drop } = rawOf(capabilities);
  if (holds(add, ['ALL', 'DAC_OVERRIDE', 'CAP_DAC_OVERRIDE'])) return true;
  return !holds(drop, ['ALL', 'DAC_OVERRIDE', 'CAP_DAC_OVERRIDE']);
}

function holds(list: unknown, names: string[]): boolean {
  return (
    Array.isArray(list) && list.some((name) => typeof name === 'string' && names.includes(name.toUpperCase()))
  );
}
