/** A condition as every Kubernetes object has it. Source: Kubernetes API conventions, `meta/v1.Condition`. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** A condition before it stands on an object: it has no time of its own yet. */
export type ConditionNow = Omit<Condition, 'lastTransitionTime'>;

/**
 * `conditions` with `next` in the place of the one of its type. The time of transition changes with the status only, and where
 * nothing changes the very same array comes back.
 *
 * @param now - an RFC 3339 instant
 */
export function withCondition(
  conditions: Condition[] | undefined,
  next: ConditionNow,
  now: string,
): Condition[] {
  const present = conditions ?? [];
  const index = present.findIndex(({ type }) => type === next.type);
  const old = present[index];
  if (
    old !== undefined &&
    old.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    old.observedGeneration === next.observedGeneration
  ) {
    return present;
  }
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : now;
  const condition = { ...next, lastTransitionTime };
  return old === undefined ? [...present, condition] : present.with(index, condition);
}

export function findCondition(conditions: Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
