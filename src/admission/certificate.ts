import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { generate } from 'selfsigned';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/** A clock that is behind ours must not find the certificate too young. */
const GREATEST_SKEW = 5 * 60_000;

/**
 * A new certificate authority, on P-256.
 *
 * @param now - milliseconds since the epoch
 * @param lifetime - in milliseconds, from now on
 */
export async function issueAuthority(now: number, lifetime: number): Promise<KeyPair> {
  // A successor has another name, so that whoever verifies a leaf cannot take one for the other.
  const name = `stash-webhook-ca@${Math.floor(now / 1000)}`;
  const issued = await generate([{ name: 'commonName', value: name }], {
    ...fashion(now, lifetime),
    notAfterDate: new Date(now + lifetime),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return pairOf(issued);
}

/**
 * A new certificate of a server that is found by any of `names`, DNS names and IP addresses. It does not outlive `authority`.
 *
 * @param now - milliseconds since the epoch
 * @param lifetime - in milliseconds, from now on
 */
export async function issueLeaf(
  authority: KeyPair,
  names: string[],
  now: number,
  lifetime: number,
): Promise<KeyPair> {
  const end = Math.min(now + lifetime, endOf(authority.certificate));
  const issued = await generate([{ name: 'commonName', value: 'stash-webhook' }], {
    ...fashion(now, lifetime),
    notAfterDate: new Date(end),
    ca: { key: authority.key, cert: authority.certificate },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names.map(alternativeName) },
    ],
  });
  return pairOf(issued);
}

// Texts of PEM are put one after the other, and a line must not hold the end of one and the beginning of the next.
function pairOf(issued: { cert: string; private: string }): KeyPair {
  return { certificate: `${issued.cert.trim()}\n`, key: `${issued.private.trim()}\n` };
}

/** When `certificate` ends, in milliseconds since the epoch. */
export function endOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime();
}

/** When `certificate` was issued, as far as it tells, in milliseconds since the epoch. */
export function beginningOf(certificate: string): number {
  return new X509Certificate(certificate).validFromDate.getTime();
}

/**
 * Whether less than a third of the life of `certificate` remains.
 *
 * @param now - by the wall clock, since a timer is lost where the machine is suspended (cert-manager#8464)
 */
export function isAging(certificate: string, now: number): boolean {
  const [begin, end] = [beginningOf(certificate), endOf(certificate)];
  return now > end - (end - begin) / 3;
}

/**
 * Why `certificate` should be replaced, or undefined: less than a third of its life remains, or it does not stand for one of `names`.
 *
 * @param now - as {@link isAging} takes it
 */
export function reasonToRenew(certificate: string, names: string[], now: number): string | undefined {
  if (isAging(certificate, now)) return `it ends at ${new Date(endOf(certificate)).toISOString()}`;
  const parsed = new X509Certificate(certificate);
  const missing = names.filter((name) => !standsFor(parsed, name));
  return missing.length === 0 ? undefined : `it does not stand for ${missing.join(', ')}`;
}

/** The certificates in `bundle`, one after the other, each as PEM. */
export function certificatesIn(bundle: string): string[] {
  const found = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((certificate) => `${certificate}\n`);
}

/** Whether `key` is the private key of `certificate`; both PEM. */
export function isKeyOf(key: string, certificate: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

/**
 * Why `pair` cannot serve for clients that trust the certificates of `authority`, or undefined.
 *
 * @param authority - PEM; undefined where it is not known what clients trust
 */
export function problemOf(pair: KeyPair, authority: string | undefined): string | undefined {
  try {
    const leaf = new X509Certificate(pair.certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(pair.key))) return 'tls.key is not the key of tls.crt';
    if (authority === undefined) return undefined;
    const trusted = certificatesIn(authority).map((certificate) => new X509Certificate(certificate));
    if (trusted.length === 0) return 'ca.crt holds no certificate';
    // The server sends all of tls.crt, intermediates too, and a client has nothing else to follow.
    const sent = certificatesIn(pair.certificate).map((certificate) => new X509Certificate(certificate));
    const isTrusted = sent.some((certificate) =>
      trusted.some(
        ({ subject, publicKey }) => subject === certificate.issuer && certificate.verify(publicKey),
      ),
    );
    return isTrusted ? undefined : 'tls.crt is not signed by ca.crt';
  } catch (error) {
    return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

// selfsigned asks for RSA and SHA-1 where nothing is said.
function fashion(now: number, lifetime: number) {
  return {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - Math.min(GREATEST_SKEW, lifetime / 10)),
  } as const;
}

function alternativeName(name: string) {
  return isIP(name) === 0 ? ({ type: 2, value: name } as const) : ({ type: 7, ip: name } as const);
}

function standsFor(certificate: X509Certificate, name: string): boolean {
  const found =
    isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name);
  return found !== undefined;
}
