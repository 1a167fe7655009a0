import {
  beginningOf,
  certificatesIn,
  isAging,
  isKeyOf,
  issueAuthority,
  type KeyPair,
} from './certificate.ts';

/**
 * The authorities of the webhook, as its Secret holds them: `ca.crt` has all that clients trust, `ca.key` the key of the one that
 * signs. While another is to follow, that one is in `ca.crt` already and its key in `next-ca.key`.
 */
export interface Authorities {
  bundle: string;
  signer: KeyPair;
  next: KeyPair | undefined;
}

/** What is to be done about the authorities. */
export type AuthorityStep = 'Announce' | 'Switch' | 'Retire' | undefined;

/** So long after the registrations were written, every API server has seen them; in milliseconds. */
const SEEN_AFTER = 5 * 60_000;

/** So long after a leaf was made, every replica serves with it; in milliseconds. */
const ADOPTED_AFTER = 86_400_000;

/** The authorities in a Secret's texts, or in words what is wrong with them. */
export function authoritiesOf(texts: {
  bundle: string;
  key: string;
  nextKey: string | undefined;
}): Authorities | string {
  const { bundle, key, nextKey } = texts;
  const pairOf = (wanted: string): KeyPair | undefined => {
    const certificate = certificatesIn(bundle).find((each) => isKeyOf(wanted, each));
    return certificate === undefined ? undefined : { certificate, key: wanted };
  };
  try {
    const signer = pairOf(key);
    if (signer === undefined) return 'ca.key is the key of nothing in ca.crt';
    // A successor that is torn is announced anew.
    return { bundle, signer, next: nextKey === undefined ? undefined : pairOf(nextKey) };
  } catch (error) {
    return `ca.key cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * How one authority follows another without a client that distrusts the server: both are published together, then the leaf is
 * changed, and when all replicas serve with the new one, the old authority is trusted no longer.
 *
 * @param published - when the API server was told of `next`, in milliseconds since the epoch; undefined where it was not, as far as is
 *   known here
 * @param leaf - the certificate that is served with
 */
export function authorityStep(
  authorities: Authorities,
  leaf: string,
  published: number | undefined,
  now: number,
): AuthorityStep {
  const { bundle, signer, next } = authorities;
  if (next !== undefined)
    return published !== undefined && now - published >= SEEN_AFTER ? 'Switch' : undefined;
  if (isAging(signer.certificate, now)) return 'Announce';
  const isAlone = certificatesIn(bundle).length === 1;
  return !isAlone && now - beginningOf(leaf) >= ADOPTED_AFTER ? 'Retire' : undefined;
}

/** With a successor that is trusted from now on, and signs nothing yet. */
export async function announceNext(
  authorities: Pick<Authorities, 'bundle' | 'signer'>,
  now: number,
  lifetime: number,
): Promise<Authorities> {
  const next = await issueAuthority(now, lifetime);
  return { ...authorities, bundle: authorities.signer.certificate + next.certificate, next };
}
