import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { provide, type Search, saysVersion } from './binaries.ts';
import type { Binary } from './catalog.ts';
import { platform } from './platform.ts';
import type { Progress } from './progress.ts';
import { attempt } from './run.ts';

const tool: Binary = {
  name: 'tool',
  version: '1.34.4',
  versionArgs: ['--version'],
  published: true,
  source: { program: 'package main' },
};
const { os, arch } = platform();

let root: string;
let server: Server;
let said: string[];
let asked: string[];
/** What the server gives, by path; a function answers by itself. */
let served: Map<string, string>;
let breakOff: boolean;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'stash-binaries-test-'));
  said = [];
  asked = [];
  served = new Map();
  breakOff = false;
  server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const content = served.get(path);
    if (content === undefined) {
      response.writeHead(404).end();
    } else if (breakOff && !path.endsWith('.sha256')) {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.slice(0, 3), () => response.destroy());
    } else {
      response.end(content);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true, force: true });
});

const progress: Progress = { say: (line) => said.push(line), during: (_label, work) => work() };
const path = `/v1.34.4/bin/${os}/${arch}/tool`;

function search(changes: Partial<Search> = {}): Search {
  return {
    path: '',
    assets: undefined,
    cache: join(root, 'cache'),
    downloads: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    versionOf: async (program, args) => (await attempt(program, args)).stdout,
    build: async (_binary, output) => writeFileSync(output, 'built', { mode: 0o755 }),
    ...changes,
  };
}

function program(folder: string, text: string): string {
  mkdirSync(join(root, folder), { recursive: true });
  const file = join(root, folder, 'tool');
  writeFileSync(file, `#!/bin/sh\necho '${text}'\n`);
  chmodSync(file, 0o755);
  return join(root, folder);
}

function publish(content: string, checksum = createHash('sha256').update(content).digest('hex')): void {
  served.set(path, content);
  served.set(`${path}.sha256`, checksum);
}

async function origin(changes: Partial<Search> = {}): Promise<string | undefined> {
  return (await provide([tool], search(changes), progress)).get('tool')?.origin;
}

function cachedFiles(): string[] {
  const folder = join(root, 'cache', 'bin');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('a binary comes from', () => {
  test('the PATH before all else', async () => {
    const folder = program('path', 'Kubernetes v1.34.4');
    const assets = program('assets', 'Kubernetes v1.34.4');
    publish('downloaded');
    const found = await provide([tool], search({ path: folder, assets }), progress);
    expect(found.get('tool')).toEqual({ origin: 'PATH', path: join(folder, 'tool') });
  });

  test('a later folder of the PATH where the first has another version', async () => {
    const path = [program('old', 'v1.32.0'), program('new', 'v1.34.4')].join(delimiter);
    expect((await provide([tool], search({ path }), progress)).get('tool')?.path).toBe(
      join(root, 'new', 'tool'),
    );
  });

  test('KUBEBUILDER_ASSETS where the PATH has another version', async () => {
    const changes = { path: program('path', 'v1.34.5'), assets: program('assets', 'v1.34.4') };
    expect(await origin(changes)).toBe('KUBEBUILDER_ASSETS');
  });

  test('the cache, once it is there, without asking anybody', async () => {
    publish('downloaded');
    expect(await origin()).toBe('download');
    const before = asked.length;
    expect(await origin({ path: program('path', 'v1.33.0') })).toBe('cache');
    expect(asked).toHaveLength(before);
  });

  test('a download whose checksum fits, which can be run and is whole', async () => {
    publish('#!/bin/sh\necho hello\n');
    const found = (await provide([tool], search(), progress)).get('tool');
    expect(found?.origin).toBe('download');
    expect((await attempt(found?.path ?? '', [])).stdout).toBe('hello\n');
    expect(cachedFiles()).toEqual([`tool-1.34.4-${os}-${arch}`]);
  });

  test('a build where the download is not there, which it says', async () => {
    expect(await origin()).toBe('build');
    expect(said).toEqual([expect.stringContaining('HTTP 404: building from source instead')]);
  });

  test('a build where the download broke off, of which nothing is kept', async () => {
    publish('downloaded');
    breakOff = true;
    const found = (await provide([tool], search(), progress)).get('tool');
    expect(found?.origin).toBe('build');
    expect(readFileSync(found?.path ?? '', 'utf8')).toBe('built');
    expect(said).toEqual([expect.stringMatching(/broke off after \d+ bytes/)]);
  });

  test('a build where no server answers, which is found out once and not for each', async () => {
    const two = [tool, { ...tool, name: 'second' }];
    const found = await provide(two, search({ downloads: 'http://127.0.0.1:1' }), progress);
    expect([...found.values()].map((each) => each.origin)).toEqual(['build', 'build']);
    expect(said.filter((line) => line.includes('is not reachable'))).toHaveLength(1);
  });

  test('a build where nobody publishes it', async () => {
    const { published: _, ...unpublished } = tool;
    publish('downloaded');
    expect((await provide([unpublished], search(), progress)).get('tool')?.origin).toBe('build');
    expect(asked).toEqual([]);
  });

  test('a build, whatever the PATH has, where it cannot tell its version', async () => {
    const { published: _, versionArgs: __, ...silent } = tool;
    const folder = program('path', 'v1.34.4');
    expect((await provide([silent], search({ path: folder }), progress)).get('tool')?.origin).toBe('build');
  });
});

test('a download that is not what its checksum says is refused, deleted, and not replaced in silence', async () => {
  publish('tampered', createHash('sha256').update('original').digest('hex'));
  await expect(origin()).rejects.toThrow(/SHA-256 should be .* deleted/);
  expect(cachedFiles()).toEqual([]);
});

test('a checksum that is none counts as no download', async () => {
  publish('downloaded', '<html>');
  expect(await origin()).toBe('build');
});

test('a build that fails leaves nothing in the cache', async () => {
  const build = async (_binary: Binary, output: string) => {
    writeFileSync(output, 'half');
    throw new Error('no compiler');
  };
  await expect(origin({ build })).rejects.toThrow('no compiler');
  expect(cachedFiles()).toEqual([]);
});

test('two runs at once build it once', async () => {
  let builds = 0;
  const build = async (_binary: Binary, output: string) => {
    builds += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(output, 'built', { mode: 0o755 });
  };
  await Promise.all([origin({ build }), origin({ build }), origin({ build })]);
  expect(builds).toBe(1);
});

describe('the pinned version', () => {
  test.each([
    ['Kubernetes v1.34.4', '1.34.4', true],
    ['{"clientVersion": {"gitVersion": "v1.34.4"}}', '1.34.4', true],
    ['etcd Version: 3.6.16\nGit SHA: abc', '3.6.16', true],
    ['CoreDNS-1.12.4\nlinux/amd64, go1.26.8, ', '1.12.4', true],
    ['restic 0.18.1 compiled with go1.26.8 on linux/amd64', '0.18.1', true],
    ['Kubernetes v1.34.41', '1.34.4', false],
    ['Kubernetes v11.34.4', '1.34.4', false],
    ['Kubernetes v1.34.4-rc.0', '1.34.4', false],
    ['Kubernetes v1.34.4+k3s1', '1.34.4', false],
    ['restic 0.18.1-dev (compiled manually)', '0.18.1', false],
    ['version 1.34.4.1', '1.34.4', false],
    ['go1.34.4', '1.34.4', false],
    ['', '1.34.4', false],
  ])('in %j is %s: %s', (text, version, expected) => {
    expect(saysVersion(text, version)).toBe(expected);
  });
});
