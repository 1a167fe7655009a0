import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cacheFolder, lock, prune, touch } from './cache.ts';
import { downloadPackages } from './debian.ts';
import { ClusterFailure } from './failure.ts';
import { contentKey, imageFromDockerfile, imageFromFolder } from './images.ts';
import { findProgram } from './packages.ts';
import type { Progress } from './progress.ts';
import { run } from './run.ts';
import { withTemporaryFolder } from './temporary.ts';
import { versions } from './versions.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const folder = join(cacheFolder(), 'images');

/** How many images of former states of the code are kept: each is the size of Node and restic. */
const keptStashImages = 2;

/** The images of the Dockerfile: the name of a stage, and what the installation calls what it makes. */
const stages = {
  stash: `docker.io/library/stash:${versions.stash}`,
  postgres: `docker.io/library/stash-postgres:${versions.stash}`,
} as const;
const busyboxName = 'docker.io/library/busybox:latest';

/** The sandbox of each pod. */
export async function pauseImage(pause: string): Promise<string> {
  const archive = join(folder, `pause-${versions.pause}.tar`);
  return cached(archive, (unfinished) =>
    withRoot(async (root) => {
      copyFileSync(pause, join(root, 'pause'));
      chmodSync(join(root, 'pause'), 0o755);
      await imageFromFolder(
        'localhost/pause:1',
        root,
        { entrypoint: ['/pause'], user: '65535:65535' },
        unfinished,
      );
    }),
  );
}

/** Debian's busybox with a name for each of its commands, and no entrypoint, like the public image. */
export async function busyboxImage(): Promise<string> {
  const busybox = requireProgram('busybox');
  const archive = join(folder, `busybox-${await contentKey([{ path: busybox }, 'layout 2'])}.tar`);
  return cached(archive, (unfinished) =>
    withRoot(async (root) => {
      await layBusybox(busybox, join(root, 'bin'), undefined);
      mkdirSync(join(root, 'etc'));
      mkdirSync(join(root, 'tmp'));
      chmodSync(join(root, 'tmp'), 0o1777);
      writeAccounts(root);
      await imageFromFolder(busyboxName, root, { command: ['sh'] }, unfinished);
    }),
  );
}

/**
 * Stash's image, from the real Dockerfile. Only its bases differ: no public registry is needed for a test, so
 * they are made here of the same parts, Debian's libraries, the pinned Node and the pinned restic.
 */
export function stashImage(restic: string, progress: Progress): Promise<string> {
  return imageOfStage('stash', basePackages, restic, progress);
}

/** The image of its Functions for PostgreSQL. Its base has the client, which the Dockerfile would fetch. */
export function stashPostgresImage(restic: string, progress: Progress): Promise<string> {
  return imageOfStage('postgres', [...basePackages, ...postgresClientPackages], restic, progress);
}

/** A server of PostgreSQL as Debian has it, its programs in the PATH; it runs as nobody, with the clusters it is told to make. */
export async function postgresServerImage(progress: Progress): Promise<string> {
  const busybox = requireProgram('busybox');
  const names = [...basePackages, ...postgresClientPackages, ...postgresServerPackages];
  const parts = [process.arch, debianRelease(), ...names, 'layout 1'];
  const archive = join(folder, `postgresql-${await contentKey(parts)}.tar`);
  return cached(archive, (unfinished) =>
    progress.during('Making an image of a PostgreSQL server', () =>
      withRoot(async (root) => {
        await layPackages(root, names);
        await layBusybox(busybox, join(root, 'usr', 'bin'), ['sh', 'ls', 'cat', 'sleep', 'env', 'mkdir']);
        writeAccounts(root);
        const path = `/usr/lib/postgresql/${versions.postgres}/bin:/usr/bin`;
        const config = { env: [`PATH=${path}`], user: '65534:65534' };
        await imageFromFolder(`localhost/postgresql:${versions.postgres}`, root, config, unfinished);
      }),
    ),
  );
}

/** A third party's tool for Tasks, as the samples call it, and what it runs: restic, kubectl, PostgreSQL's client. */
export async function taskToolImage(restic: string, kubectl: string, progress: Progress): Promise<string> {
  const busybox = requireProgram('busybox');
  const script = fileURLToPath(new URL('tools/task-tool.sh', import.meta.url));
  const names = ['base-files', 'libc6', ...postgresClientPackages];
  const programs = { restic, kubectl, 'task-tool': script };
  const paths = Object.values(programs).map((path) => ({ path }));
  const parts = [process.arch, debianRelease(), ...names, ...paths, 'layout 1'];
  const archive = join(folder, `task-tool-${await contentKey(parts)}.tar`);
  return cached(archive, (unfinished) =>
    progress.during('Making an image of a tool for Tasks', () =>
      withRoot(async (root) => {
        await layPackages(root, names);
        await layBusybox(busybox, join(root, 'usr', 'bin'), ['sh', 'mkdir', 'sed', 'wc']);
        writeAccounts(root);
        for (const [name, path] of Object.entries(programs)) {
          copyFileSync(path, join(root, 'usr', 'bin', name));
          chmodSync(join(root, 'usr', 'bin', name), 0o755);
        }
        const env = [`PATH=/usr/lib/postgresql/${versions.postgres}/bin:/usr/bin`];
        await imageFromFolder('localhost/task-tool:1', root, { entrypoint: ['task-tool'], env }, unfinished);
      }),
    ),
  );
}

async function imageOfStage(
  stage: keyof typeof stages,
  packages: readonly string[],
  restic: string,
  progress: Progress,
): Promise<string> {
  const name = stages[stage];
  const dist = join(checkout, 'dist');
  const dockerfile = join(checkout, 'Dockerfile');
  const ignore = join(checkout, '.dockerignore');
  const base = await baseImage(packages, progress);
  const resticBase = await resticImage(restic);
  // dist/ is emptied and filled again: nobody else may do so until it is in the image.
  await using _lock = await lock(dist, () => progress.say('Waiting for another run that builds dist/'));
  await progress.during('Building dist/', buildDist);
  const parts = [{ path: dockerfile }, { path: ignore }, { path: dist }, base, resticBase, name, 'layout 1'];
  const archive = join(folder, stage, `${await contentKey(parts)}.tar`);
  await cached(
    archive,
    (unfinished) =>
      progress.during(`Building the image ${name}`, () =>
        imageFromDockerfile(
          {
            name,
            dockerfile,
            stage,
            context: checkout,
            buildArgs: { BASE: `docker-archive:${base}`, RESTIC: `docker-archive:${resticBase}` },
          },
          unfinished,
        ),
      ),
    () => progress.say(`Waiting for another run that builds the image ${name}`),
  );
  touch(archive);
  prune(join(folder, stage), keptStashImages);
  return archive;
}

async function buildDist(): Promise<void> {
  const script = join(checkout, 'scripts', 'build.ts');
  if (!existsSync(script)) {
    throw new ClusterFailure(
      'scripts/build.ts does not exist yet, so there is no Stash to install: use --bare',
    );
  }
  await run(process.execPath, ['--disable-warning=ExperimentalWarning', script], { cwd: checkout });
  const main = join(checkout, 'dist', 'main.js');
  if (!existsSync(main)) throw new ClusterFailure(`scripts/build.ts made no ${main}`);
}

async function resticImage(restic: string): Promise<string> {
  const parts = [{ path: restic }, debianRelease(), 'layout 2'];
  const archive = join(folder, `restic-${await contentKey(parts)}.tar`);
  return cached(archive, (unfinished) =>
    withRoot(async (root) => {
      await layPackages(root, ['ca-certificates']);
      layCertificates(root);
      copyFileSync(restic, join(root, 'usr', 'bin', 'restic'));
      chmodSync(join(root, 'usr', 'bin', 'restic'), 0o755);
      await imageFromFolder('localhost/restic:1', root, {}, unfinished);
    }),
  );
}

/** What Node needs of Debian: as in the public base, there are no certificates. */
const basePackages = ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'netbase', 'tzdata'];

/** PostgreSQL's client of Debian bookworm and its libraries, without the wrapper in Perl. */
const postgresClientPackages = [
  `postgresql-client-${versions.postgres}`,
  'libpq5',
  'libssl3',
  'liblz4-1',
  'libzstd1',
  'zlib1g',
  'libreadline8',
  'libtinfo6',
  'libgssapi-krb5-2',
  'libkrb5-3',
  'libk5crypto3',
  'libkrb5support0',
  'libcom-err2',
  'libkeyutils1',
  'libldap-2.5-0',
  'libsasl2-2',
  'libgnutls30',
  'libp11-kit0',
  'libidn2-0',
  'libunistring2',
  'libtasn1-6',
  'libnettle8',
  'libhogweed6',
  'libgmp10',
  'libffi8',
];

const postgresServerPackages = [
  `postgresql-${versions.postgres}`,
  'libaudit1',
  'libcap2',
  'libcap-ng0',
  'libcrypt1',
  'libgcrypt20',
  'libgpg-error0',
  'libicu72',
  'liblzma5',
  'libpam0g',
  'libselinux1',
  'libpcre2-8-0',
  'libsystemd0',
  'libuuid1',
  'libxml2',
];

async function baseImage(packages: readonly string[], progress: Progress): Promise<string> {
  // The program that runs this very file is the pinned Node, from the npm package of that name.
  const node = process.execPath;
  const busybox = requireProgram('busybox');
  const parts = [process.version, process.arch, debianRelease(), ...packages, 'layout 3'];
  const archive = join(folder, `base-${await contentKey(parts)}.tar`);
  return cached(archive, (unfinished) =>
    progress.during("Making the image's base of Debian packages and Node", () =>
      withRoot(async (root) => {
        await layPackages(root, packages);
        await layBusybox(busybox, join(root, 'usr', 'bin'), ['sh', 'ln', 'ls', 'cat', 'env', 'sleep', 'id']);
        writeAccounts(root);
        mkdirSync(join(root, 'usr', 'local', 'bin'), { recursive: true });
        copyFileSync(node, join(root, 'usr', 'local', 'bin', 'node'));
        chmodSync(join(root, 'usr', 'local', 'bin', 'node'), 0o755);
        await imageFromFolder('localhost/base:1', root, {}, unfinished);
      }),
    ),
  );
}

function debianRelease(): string {
  const path = '/etc/os-release';
  return existsSync(path) ? readFileSync(path, 'utf8') : 'unknown';
}

/** Unpacks packages as they are, without what their scripts would do: a base of 20 MB instead of 100. */
async function layPackages(root: string, names: readonly string[]): Promise<void> {
  await withTemporaryFolder(async (downloads) => {
    await downloadPackages(names, downloads);
    // Debian's merged /usr, which the packages expect to find.
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      mkdirSync(join(root, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, join(root, name));
    }
    for (const file of readdirSync(downloads)) {
      const unpacked = join(downloads, `${file}.d`);
      await run('dpkg-deb', ['-x', join(downloads, file), unpacked]);
      await run('sh', [
        '-c',
        'tar -C "$0" -cf - . | tar -C "$1" --keep-directory-symlink -xf -',
        unpacked,
        root,
      ]);
    }
  });
  for (const dead of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/lintian']) {
    rmSync(join(root, dead), { recursive: true, force: true });
  }
}

/** What ca-certificates' own script would do. */
function layCertificates(root: string): void {
  const source = join(root, 'usr', 'share', 'ca-certificates', 'mozilla');
  const all = readdirSync(source).map((name) => readFileSync(join(source, name), 'utf8'));
  const target = join(root, 'etc', 'ssl', 'certs');
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'ca-certificates.crt'), all.join(''));
}

function writeAccounts(root: string): void {
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(
    join(root, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  );
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n');
}

/** @param names - the commands to have, all of busybox's where it is undefined */
async function layBusybox(
  busybox: string,
  target: string,
  names: readonly string[] | undefined,
): Promise<void> {
  mkdirSync(target, { recursive: true });
  const program = join(target, 'busybox');
  copyFileSync(busybox, program);
  chmodSync(program, 0o755);
  const commands =
    names ?? (await run(busybox, ['--list'])).split('\n').filter((name) => /^[\w[-]+$/.test(name));
  for (const name of commands) {
    if (name !== 'busybox') symlinkSync('busybox', join(target, name));
  }
}

function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new ClusterFailure(`there is no ${name} in the PATH`);
  return path;
}

/** The root of an image, which any user of a container may enter. */
function withRoot(use: (root: string) => Promise<void>): Promise<void> {
  return withTemporaryFolder((root) => {
    chmodSync(root, 0o755);
    return use(root);
  });
}
