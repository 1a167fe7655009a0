import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemFolders } from './packages.ts';
import { platform } from './platform.ts';
import { run } from './run.ts';
import { withTemporaryFolder } from './temporary.ts';

/** What a container of the image runs, and how. */
export interface ImageConfig {
  entrypoint?: readonly string[];
  command?: readonly string[];
  env?: readonly string[];
  user?: string;
  workingDir?: string;
}

/**
 * Writes an image of one layer, the content of `folder`, as an archive that containerd and buildah read.
 *
 * @param name - in full, as in `docker.io/library/busybox:latest`
 */
export async function imageFromFolder(
  name: string,
  folder: string,
  config: ImageConfig,
  archive: string,
): Promise<void> {
  await withTemporaryFolder(async (work) => {
    const layer = join(work, 'layer.tar');
    const reproducible = ['--sort=name', '--numeric-owner', '--mtime=@0'];
    await run('tar', ['-C', folder, ...reproducible, '--owner=0', '--group=0', '-cf', layer, '.']);
    const digest = await sha256OfFile(layer);
    // containerd locks a layer by its file's name while it imports it, and imports run side by side.
    const layerName = `${digest}.tar`;
    renameSync(layer, join(work, layerName));
    const imageConfig = JSON.stringify({
      architecture: platform().arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        ...(config.entrypoint === undefined ? {} : { Entrypoint: config.entrypoint }),
        ...(config.command === undefined ? {} : { Cmd: config.command }),
        Env: config.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        ...(config.user === undefined ? {} : { User: config.user }),
        WorkingDir: config.workingDir ?? '/',
      },
      // buildah refuses to build upon a layer that no step has made, where a stage is built from another.
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'imageFromFolder' }],
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    });
    const configName = `${createHash('sha256').update(imageConfig).digest('hex')}.json`;
    writeFileSync(join(work, configName), imageConfig);
    const manifest = [{ Config: configName, RepoTags: [name], Layers: [layerName] }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-C', work, '-cf', archive, 'manifest.json', configName, layerName]);
  });
}

export interface DockerfileImage {
  name: string;
  dockerfile: string;
  /** The last one that is built. */
  stage: string;
  /** The folder that the Dockerfile copies from. */
  context: string;
  buildArgs?: Readonly<Record<string, string>>;
}

/**
 * Builds an image from a Dockerfile with buildah, which needs no daemon; its layers are written as they are, since
 * packing and unpacking takes longer than reading them. Its storage is a temporary folder: nothing is left.
 *
 * A base may be an archive of ours: `docker-archive:/path/to/base.tar`.
 */
export async function imageFromDockerfile(image: DockerfileImage, archive: string): Promise<void> {
  await withTemporaryFolder((work) => buildah(image, archive, work));
}

async function buildah(image: DockerfileImage, archive: string, work: string): Promise<void> {
  const env = {
    ...process.env,
    PATH: [process.env.PATH ?? '', ...systemFolders].join(delimiter),
    STORAGE_DRIVER: 'overlay',
    BUILDAH_ISOLATION: 'chroot',
    TMPDIR: join(work, 'tmp'),
  };
  mkdirSync(env.TMPDIR);
  // Without a policy file of the machine's, buildah refuses every image.
  const policy = join(work, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const storage = ['--root', join(work, 'root'), '--runroot', join(work, 'runroot')];
  const buildArgs = Object.entries(image.buildArgs ?? {}).flatMap(([key, value]) => [
    '--build-arg',
    `${key}=${value}`,
  ]);
  const common = ['--signature-policy', policy];
  // In a mount namespace of its own: buildah leaves its storage mounted, which then cannot be removed.
  const call = (args: readonly string[]) =>
    run('unshare', ['--mount', '--propagation', 'private', 'buildah', ...storage, ...args], { env });
  const bud = ['bud', '--layers=false', '--network', 'none', ...common, ...buildArgs];
  await call([...bud, '--target', image.stage, '-t', image.name, '-f', image.dockerfile, image.context]);
  await call(['push', ...common, image.name, `docker-archive:${archive}:${image.name}`]);
}

/** A name for what is made from these files, folders and words: the same content has the same name. */
export async function contentKey(parts: readonly (string | { path: string })[]): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) {
    if (typeof part === 'string') hash.update(`${part}\0`);
    else await addFile(hash, part.path);
  }
  return hash.digest('hex').slice(0, 20);
}

async function addFile(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  let names: string[];
  try {
    names = readdirSync(path).sort();
  } catch {
    hash.update(readFileSync(path));
    return;
  }
  for (const name of names) {
    hash.update(`${name}\0`);
    await addFile(hash, join(path, name));
  }
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
