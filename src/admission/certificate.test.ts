import { createPublicKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { issueAuthority, issueLeaf, type KeyPair, problemOf, reasonToRenew } from './certificate.ts';

const now = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const names = ['stash-webhook.stash-system.svc', '127.0.0.1', '::1'];
let authority: KeyPair;
let leaf: KeyPair;

beforeAll(async () => {
  authority = await issueAuthority(now, 3650 * day);
  leaf = await issueLeaf(authority, names, now, 90 * day);
});

describe('issueLeaf', () => {
  it('makes a certificate that stands for its names and is signed by the authority', () => {
    const parsed = new X509Certificate(leaf.certificate);
    expect(parsed.checkHost('stash-webhook.stash-system.svc')).toBeDefined();
    expect(parsed.checkHost('other.stash-system.svc')).toBeUndefined();
    expect(parsed.checkIP('127.0.0.1')).toBeDefined();
    expect(parsed.checkIP('::1')).toBeDefined();
    expect(parsed.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
    expect(parsed.ca).toBe(false);
    expect(new X509Certificate(authority.certificate).ca).toBe(true);
  });

  it('uses P-256 and SHA-256, for both', () => {
    for (const { certificate } of [authority, leaf]) {
      const { publicKey, signatureAlgorithm } = new X509Certificate(certificate);
      expect(createPublicKey(certificate).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
      expect(publicKey.asymmetricKeyType).toBe('ec');
      expect(signatureAlgorithm).toBe('ecdsa-with-SHA256');
    }
  });

  it('bears with a clock that is a little behind', () => {
    expect(new X509Certificate(leaf.certificate).validFromDate.getTime()).toBe(now - 300_000);
    expect(new X509Certificate(leaf.certificate).validToDate.getTime()).toBe(now + 90 * day);
  });

  it('makes none that outlives its authority', async () => {
    const late = await issueLeaf(authority, names, now + 3640 * day, 90 * day);
    expect(new X509Certificate(late.certificate).validToDate.getTime()).toBe(now + 3650 * day);
  });
});

describe('reasonToRenew', () => {
  const cases: [string, number, string[], string | undefined][] = [
    ['when it is new', 0, names, undefined],
    ['with a little more than a third of its life left', 59 * day, names, undefined],
    ['with less than a third of its life left', 61 * day, names, 'it ends at 2026-04-01T00:00:00.000Z'],
    ['when it has ended', 100 * day, names, 'it ends at 2026-04-01T00:00:00.000Z'],
    ['for another name', 0, [...names, 'webhook.example.org'], 'it does not stand for webhook.example.org'],
    ['for another address', 0, ['10.0.0.1'], 'it does not stand for 10.0.0.1'],
  ];

  it.each(cases)('%s', (_, age, wanted, reason) => {
    expect(reasonToRenew(leaf.certificate, wanted, now + age)).toBe(reason);
  });
});

describe('problemOf', () => {
  it('finds nothing wrong with a pair and its authority', () => {
    expect(problemOf(leaf, authority.certificate)).toBeUndefined();
  });

  it('finds what was torn between two versions, or is no PEM', async () => {
    const next = await issueLeaf(authority, names, now, day);
    const stranger = await issueAuthority(now, day);
    expect(problemOf({ ...leaf, key: next.key }, authority.certificate)).toBe(
      'tls.key is not the key of tls.crt',
    );
    expect(problemOf(leaf, stranger.certificate)).toBe('tls.crt is not signed by ca.crt');
    expect(problemOf({ ...leaf, certificate: 'hello' }, authority.certificate)).toMatch(
      /^it cannot be read: /,
    );
    expect(
      problemOf({ ...leaf, certificate: leaf.certificate.slice(0, 200) }, authority.certificate),
    ).toMatch(/^it cannot be read: /);
  });
});
