import type { Problem } from '../api/problem.ts';

/** What neither the schema nor the CEL of the CRD can say of a spec that both are content with. Pure. */
export type Rule<Spec> = (spec: Spec) => Problem[];

/** The `rules` refuse; the `advice` warns. */
export interface RuleBook<Spec> {
  rules: Rule<Spec>[];
  advice: Rule<Spec>[];
}
