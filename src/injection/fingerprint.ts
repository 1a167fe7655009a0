import { shortHash } from '../api/names.ts';
import { canonicalBytes, type Shape } from './canonical.ts';

/** The same for two values that mean the same to Kubernetes, whatever the order of their fields. */
export function fingerprint(value: unknown, shape?: Shape): string {
  return shortHash(canonicalBytes(value, shape), 16);
}
