import type { FunctionSettings } from '../api/function-settings.ts';
import { NOBODY } from './layout.ts';
import type { ClaimUser } from './run.ts';

type SecurityContext = NonNullable<FunctionSettings['securityContext']>;

/**
 * Of the pod: what the restricted standard asks for. A container may say otherwise.
 *
 * There is no fsGroup, which would give every file of a claim to another group.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
export const POD_SECURITY_CONTEXT = {
  runAsUser: NOBODY,
  runAsGroup: NOBODY,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** The same, as whoever has the claim mounted: its user may well be root, whom the restricted standard refuses. */
export function podSecurityContext(claimUser: ClaimUser | undefined): Record<string, unknown> {
  if (claimUser === undefined) return POD_SECURITY_CONTEXT;
  const { runAsUser, ...own } = claimUser.podSecurityContext;
  if (runAsUser === undefined) return { ...POD_SECURITY_CONTEXT, ...own };
  return { runAsUser, ...own, seccompProfile: POD_SECURITY_CONTEXT.seccompProfile };
}

/**
 * Of a container: `own`, and where that says nothing, what the restricted standard asks for.
 *
 * @param capabilities - what it needs where it runs as its pod does
 */
export function containerSecurityContext(
  own: SecurityContext = {},
  capabilities: readonly string[] = [],
): SecurityContext {
  const mayEscalate = own.privileged === true || grants(own, 'SYS_ADMIN');
  const add = own.runAsUser === undefined && capabilities.length > 0 ? { add: [...capabilities] } : {};
  return {
    // The API server refuses the two together.
    ...(!mayEscalate && { allowPrivilegeEscalation: false }),
    ...(own.runAsUser === 0 && { runAsNonRoot: false }),
    ...own,
    ...(own.privileged !== true && { capabilities: { drop: ['ALL'], ...add, ...own.capabilities } }),
  };
}

export function grants({ capabilities }: SecurityContext, name: string): boolean {
  return capabilities?.add?.some((one) => one === name || one === `CAP_${name}`) ?? false;
}
