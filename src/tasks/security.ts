import type { FunctionSettings } from '../api/function-settings.ts';
import { NOBODY } from './layout.ts';

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

/** Of a container: `own`, and where that says nothing, what the restricted standard asks for. */
export function containerSecurityContext(own: SecurityContext = {}): SecurityContext {
  const mayEscalate = own.privileged === true || grants(own, 'SYS_ADMIN');
  return {
    // The API server refuses the two together.
    ...(!mayEscalate && { allowPrivilegeEscalation: false }),
    ...(own.runAsUser === 0 && { runAsNonRoot: false }),
    ...own,
    ...(own.privileged !== true && { capabilities: { drop: ['ALL'], ...own.capabilities } }),
  };
}

export function grants({ capabilities }: SecurityContext, name: string): boolean {
  return capabilities?.add?.some((one) => one === name || one === `CAP_${name}`) ?? false;
}
