import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { endOf, issueAuthority, issueLeaf } from './certificate.ts';
import { CertificateSecret } from './certificate-secret.ts';
import { type SecretStore, secretStore } from './secret-store.fixture.ts';
import type { ServingCertificate } from './serving-certificate.ts';

const start = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const names = ['stash-webhook.stash-system.svc'];

function replicaOf(store: SecretStore, clock = manualClock(start)) {
  const changes: ServingCertificate[] = [];
  const silent = () => {};
  const secret = new CertificateSecret({
    client: store.client,
    namespace: 'stash-system',
    names,
    clock,
    log: { info: silent, warn: silent, error: silent },
    onChange: (certificate) => changes.push(certificate),
  });
  return { secret, clock, changes };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const secretWith = (data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'stash-webhook-certificate', namespace: 'stash-system', resourceVersion: '0' },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
});

describe('CertificateSecret', () => {
  it('makes authority and leaf where there is no Secret, and is ready then', async () => {
    const store = secretStore();
    const { secret, changes } = replicaOf(store);
    expect(secret.problem()).toBe('it has not been read yet');
    await secret.refresh();
    expect(secret.problem()).toBeUndefined();
    expect(Object.keys(store.secret?.data ?? {}).sort()).toEqual(['ca.crt', 'ca.key', 'tls.crt', 'tls.key']);
    expect(changes).toEqual([secret.current()]);
  });

  it('fills a Secret that is empty', async () => {
    const store = secretStore(secretWith({}));
    const { secret } = replicaOf(store);
    await secret.refresh();
    expect(secret.problem()).toBeUndefined();
    expect(store.writes).toBe(1);
  });

  it('takes what another replica has made, though both began at once', async () => {
    const store = secretStore();
    const [first, second] = [replicaOf(store), replicaOf(store)];
    store.beforeWrite = () => second.secret.refresh();
    await first.secret.refresh();
    expect(first.secret.current()).toEqual(second.secret.current());
    expect(store.writes).toBe(1);
  });

  it('reads again and tells nobody, while nothing changes', async () => {
    const { secret, changes } = replicaOf(secretStore());
    await secret.refresh();
    await secret.refresh();
    expect(changes).toHaveLength(1);
  });

  it('renews the leaf from the same authority when a third of its life is left by the wall clock', async () => {
    const store = secretStore();
    const { secret, clock, changes } = replicaOf(store);
    const stop = new AbortController();
    const running = secret.run(stop.signal);
    await expect.poll(() => secret.current()).toBeDefined();
    const before = secret.current();
    // The machine was suspended: no timer fired for two months.
    clock.set(start + 61 * day);
    await clock.advance(60_000);
    await expect.poll(() => changes.length).toBe(2);
    const after = secret.current();
    expect(after?.authority).toBe(before?.authority);
    expect(after?.certificate).not.toBe(before?.certificate);
    expect(endOf(after?.certificate ?? '')).toBeGreaterThan(start + 150 * day);
    stop.abort();
    await running;
  });

  it('leaves the renewal to the replica that comes first', async () => {
    const store = secretStore();
    const clock = manualClock(start);
    const [first, second] = [replicaOf(store, clock), replicaOf(store, clock)];
    await first.secret.refresh();
    await second.secret.refresh();
    clock.set(start + 61 * day);
    store.beforeWrite = () => second.secret.refresh();
    await first.secret.refresh();
    expect(store.writes).toBe(2);
    expect(first.secret.current()).toEqual(second.secret.current());
  });

  it('keeps the last good certificate while the Secret is torn or unreadable, and takes the next whole one', async () => {
    const store = secretStore();
    const { secret, changes } = replicaOf(store);
    await secret.refresh();
    const good = secret.current();
    const whole = store.secret;
    const other = await issueAuthority(start, day);
    store.secret = { ...whole, data: { ...whole?.data, 'tls.key': base64(other.key) } } as typeof whole;
    await secret.refresh();
    store.failure = new ConnectionError('https://api', 'refused');
    await expect(secret.refresh()).rejects.toThrow('refused');
    expect(secret.current()).toBe(good);
    expect(secret.problem()).toBeUndefined();
    expect(store.writes).toBe(1);

    store.failure = undefined;
    store.secret = whole;
    await secret.refresh();
    expect(changes).toHaveLength(1);
  });

  it('is not ready with a Secret that was never whole, says why, and does not write over it', async () => {
    const store = secretStore(secretWith({ 'tls.crt': 'hello', 'tls.key': 'you' }));
    const { secret } = replicaOf(store);
    await secret.refresh();
    expect(secret.problem()).toBe(
      'the Secret stash-system/stash-webhook-certificate is of no use: ca.crt missing; delete it, and it is made anew',
    );
    expect(store.writes).toBe(0);
  });

  it('serves with what others issue and renews nothing of theirs', async () => {
    const authority = await issueAuthority(start, day);
    const leaf = await issueLeaf(authority, names, start, day);
    const store = secretStore(
      secretWith({ 'ca.crt': authority.certificate, 'tls.crt': leaf.certificate, 'tls.key': leaf.key }),
    );
    const { secret, clock } = replicaOf(store);
    clock.set(start + day - 1000);
    await secret.refresh();
    expect(secret.current()?.certificate).toBe(leaf.certificate);
    expect(store.writes).toBe(0);
    clock.set(start + day + 1000);
    expect(secret.problem()).toBe('it ended at 2026-01-02T00:00:00.000Z');
  });

  it('goes on trying where the API server cannot be asked, and says so meanwhile', async () => {
    const store = secretStore();
    store.failure = new ConnectionError('https://api', 'refused');
    const { secret, clock } = replicaOf(store);
    const stop = new AbortController();
    const running = secret.run(stop.signal);
    await expect.poll(() => secret.problem()).toBe('it cannot be read: API server https://api: refused');
    store.failure = undefined;
    await clock.advance(1000);
    await expect.poll(() => secret.problem()).toBeUndefined();
    stop.abort();
    await running;
  });

  describe('where another authority is to follow', () => {
    const old = start + 2500 * day;
    const certificates = (bundle: string | undefined) => bundle?.split('-----BEGIN').length ?? 0;

    async function twoReplicas() {
      const store = secretStore();
      const clock = manualClock(start);
      const [leader, follower] = [replicaOf(store, clock), replicaOf(store, clock)];
      await leader.secret.refresh();
      clock.set(old);
      // The leaf has been renewed all the while, so that the authority alone is old.
      await leader.secret.refresh();
      await leader.secret.refresh();
      await follower.secret.refresh();
      return { store, clock, leader, follower };
    }

    it('publishes both together, and keeps the leaf until the API server has been told of them', async () => {
      const { leader, follower, clock } = await twoReplicas();
      const before = leader.secret.current();
      expect(certificates(before?.authority)).toBe(1 + 2);
      clock.set(old + day);
      await leader.secret.refresh();
      await follower.secret.refresh();
      expect(leader.secret.current()).toEqual(before);
      leader.secret.published(before?.authority ?? '');
      clock.set(old + day + 299_000);
      await leader.secret.refresh();
      expect(leader.secret.current()).toEqual(before);
      clock.set(old + day + 300_000);
      // Whoever has not told the API server does not change it.
      await follower.secret.refresh();
      expect(leader.secret.current()).toEqual(before);
      await leader.secret.refresh();
      await follower.secret.refresh();
      const after = leader.secret.current();
      expect(after?.authority).toBe(before?.authority);
      expect(issuerOf(after)).not.toBe(issuerOf(before));
      expect(follower.secret.current()).toEqual(after);
      expect(follower.secret.problem()).toBeUndefined();
    });

    it('trusts the old one no longer when every replica has had a day to change', async () => {
      const { store, leader, clock } = await twoReplicas();
      leader.secret.published(leader.secret.current()?.authority ?? '');
      clock.set(old + 300_000);
      await leader.secret.refresh();
      const both = leader.secret.current()?.authority;
      clock.set(old + 300_000 + day);
      await leader.secret.refresh();
      const one = leader.secret.current()?.authority ?? '';
      expect(certificates(one)).toBe(1 + 1);
      expect(both).toContain(one);
      expect(issuerOf(leader.secret.current())).toBe(new X509Certificate(one).subject);
      expect(Object.keys(store.secret?.data ?? {}).sort()).toEqual([
        'ca.crt',
        'ca.key',
        'tls.crt',
        'tls.key',
      ]);
      const writes = store.writes;
      await leader.secret.refresh();
      expect(store.writes).toBe(writes);
    });

    it('does so as well when the Secret is deleted, and serves on with what it has', async () => {
      const store = secretStore();
      const { secret, clock } = replicaOf(store);
      await secret.refresh();
      const before = secret.current();
      store.secret = undefined;
      clock.set(start + day);
      await secret.refresh();
      const between = secret.current();
      expect(between?.certificate).toBe(before?.certificate);
      expect(between?.authority).toContain(before?.authority);
      secret.published(between?.authority ?? '');
      clock.set(start + day + 300_000);
      await secret.refresh();
      expect(issuerOf(secret.current())).not.toBe(issuerOf(before));
    });

    it('begins anew where what was in use has ended', async () => {
      const store = secretStore();
      const { secret, clock } = replicaOf(store);
      await secret.refresh();
      store.secret = undefined;
      clock.set(start + 91 * day);
      await secret.refresh();
      expect(secret.problem()).toBeUndefined();
      expect(certificates(secret.current()?.authority)).toBe(1 + 1);
    });
  });
});

const issuerOf = (serving: ServingCertificate | undefined) =>
  new X509Certificate(serving?.certificate ?? '').issuer;
