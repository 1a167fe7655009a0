import { createHash } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { ClusterFailure } from './failure.ts';

/** How long, in milliseconds, a server may take for the first answer, and afterwards for the next bytes. */
const patience = { first: 4_000, next: 30_000 };

export type Downloaded = { ok: true } | { ok: false; reason: string; reachable: boolean };

/**
 * Fetches `url` to `path`, provided that its SHA-256 is the one that stands at `url` + `.sha256`.
 *
 * What does not fit is deleted, so that no later run finds it.
 *
 * @returns why not, where it is not to be had; `reachable` tells whether the server is there at all
 * @throws {ClusterFailure} where what came is not what its checksum says: nothing that should be passed over in silence
 */
export async function download(
  url: string,
  path: string,
  onBytes: (received: number, total: number) => void = () => {},
): Promise<Downloaded> {
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), patience.first);
  const goesOn = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), patience.next);
  };
  try {
    return await fetchVerified(url, path, stalled.signal, goesOn, onBytes);
  } finally {
    clearTimeout(timer);
  }
}

async function fetchVerified(
  url: string,
  path: string,
  signal: AbortSignal,
  goesOn: () => void,
  onBytes: (received: number, total: number) => void,
): Promise<Downloaded> {
  let response: Response;
  let wanted: string | undefined;
  try {
    const checksum = await fetch(`${url}.sha256`, { signal });
    if (!checksum.ok) return { ok: false, reachable: true, reason: `${url}.sha256: HTTP ${checksum.status}` };
    wanted = /^[0-9a-f]{64}\b/.exec(await checksum.text())?.[0];
    if (wanted === undefined) return { ok: false, reachable: true, reason: `${url}.sha256 holds no SHA-256` };
    goesOn();
    response = await fetch(url, { signal });
    if (!response.ok) return { ok: false, reachable: true, reason: `${url}: HTTP ${response.status}` };
  } catch (error) {
    return {
      ok: false,
      reachable: false,
      reason: `${new URL(url).origin} is not reachable (${reasonOf(error)})`,
    };
  }

  const hash = createHash('sha256');
  const total = Number(response.headers.get('content-length') ?? 0);
  let received = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      received += chunk.length;
      goesOn();
      onBytes(received, total);
      done(null, chunk);
    },
  });
  try {
    if (response.body === null) throw new Error('an empty answer');
    await pipeline(
      Readable.fromWeb(response.body as ReadableStream),
      count,
      createWriteStream(path, { mode: 0o755 }),
      { signal },
    );
  } catch (error) {
    rmSync(path, { force: true });
    return {
      ok: false,
      reachable: true,
      reason: `${url} broke off after ${received} bytes (${reasonOf(error)})`,
    };
  }
  const found = hash.digest('hex');
  if (found !== wanted) {
    rmSync(path, { force: true });
    throw new ClusterFailure(
      `${url}: its SHA-256 should be ${wanted} and is ${found}; what came was deleted. Something between here and the server changes files: find out what before trying again.`,
    );
  }
  return { ok: true };
}

/** fetch says "fetch failed" and hides why in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return error.message;
}
