import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { issueAuthority, issueLeaf, type KeyPair } from './certificate.ts';
import { CertificateDirectory } from './certificate-directory.ts';
import type { ServingCertificate } from './serving-certificate.ts';

const now = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const silent = { info: () => {}, warn: () => {} };

describe('CertificateDirectory', () => {
  let directory: string;
  let authority: KeyPair;
  let changes: ServingCertificate[];
  const clock = manualClock(now);

  beforeEach(async () => {
    clock.set(now);
    directory = await mkdtemp(join(tmpdir(), 'stash-certificate-'));
    authority = await issueAuthority(now, 365 * day);
    changes = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const leaf = () => issueLeaf(authority, ['stash-webhook.stash-system.svc'], now, day);
  const write = (name: string, text: string) => writeFile(join(directory, name), text);
  async function put(pair: KeyPair, ca: string | undefined = authority.certificate): Promise<void> {
    await write('tls.crt', pair.certificate);
    await write('tls.key', pair.key);
    if (ca !== undefined) await write('ca.crt', ca);
  }
  const source = () =>
    new CertificateDirectory({
      directory,
      log: silent,
      clock,
      onChange: (serving) => changes.push(serving),
    });

  it('serves with what is there, and tells once', async () => {
    const pair = await leaf();
    await put(pair);
    const it = source();
    await it.refresh();
    await it.refresh();
    expect(it.problem()).toBeUndefined();
    expect(it.current()).toEqual({ ...pair, authority: authority.certificate });
    expect(changes).toHaveLength(1);
    clock.set(now + day);
    expect(it.problem()).toBe('it ended at 2026-01-02T00:00:00.000Z');
  });

  it('needs no ca.crt: somebody else may tell the API server what to trust', async () => {
    const pair = await leaf();
    await write('tls.crt', pair.certificate);
    await write('tls.key', pair.key);
    const it = source();
    await it.refresh();
    expect(it.current()).toEqual({ ...pair, authority: '' });
  });

  it('keeps the last good pair while the files are torn, foreign or gone', async () => {
    const pair = await leaf();
    await put(pair);
    const it = source();
    await it.refresh();
    await write('tls.key', (await leaf()).key);
    await it.refresh();
    await put(pair, (await issueAuthority(now - 5000, day)).certificate);
    await it.refresh();
    await rm(join(directory, 'tls.crt'));
    await it.refresh();
    expect(it.current()?.certificate).toBe(pair.certificate);
    expect(it.problem()).toBeUndefined();
    expect(changes).toHaveLength(1);
  });

  it('says what is wrong where there never was a good one', async () => {
    const it = source();
    expect(it.problem()).toBe('it has not been read yet');
    await it.refresh();
    expect(it.problem()).toMatch(/^the files in .* are of no use: ENOENT.*tls\.(crt|key)/);
    await put({ ...(await leaf()), key: (await leaf()).key });
    await it.refresh();
    expect(it.problem()).toMatch(/of no use: tls\.key is not the key of tls\.crt$/);
  });

  it('reads again as soon as the directory changes, as kubelet changes it', async () => {
    const first = await mkdtemp(join(directory, '..'));
    await put(await leaf());
    const stop = new AbortController();
    const real = new CertificateDirectory({
      directory,
      log: silent,
      onChange: (serving) => changes.push(serving),
      pollMs: 60_000,
    });
    const running = real.run(stop.signal);
    await expect.poll(() => changes.length).toBe(1);
    const next = await leaf();
    await put(next);
    await symlink(first, join(directory, '..data'));
    await expect.poll(() => changes.at(-1)?.certificate).toBe(next.certificate);
    stop.abort();
    await running;
    await rm(first, { recursive: true });
  });

  it('reads again on a beat, where no watch tells of a change', async () => {
    // A directory that is not there yet cannot be watched.
    await rm(directory, { recursive: true });
    const stop = new AbortController();
    const it = source();
    const running = it.run(stop.signal);
    await expect.poll(() => it.problem()).toMatch(/ENOENT/);
    await mkdir(directory);
    await put(await leaf());
    await clock.advance(10_000);
    await expect.poll(() => it.problem()).toBeUndefined();
    stop.abort();
    await running;
  });
});
