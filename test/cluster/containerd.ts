import { existsSync, globSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cached, cacheFolder, prune, touch } from './cache.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { contentKey } from './images.ts';
import { layout } from './layout.ts';
import { systemFolders } from './packages.ts';
import type { Progress } from './progress.ts';
import { attempt, run } from './run.ts';
import { withTemporaryFolder } from './temporary.ts';

const templates = join(cacheFolder(), 'containerd');

/** How many are kept: each has every image twice, packed and unpacked. */
const keptTemplates = 3;

/**
 * The folder of a containerd that has imported and unpacked `archives`, to be copied for each cluster: a copy takes
 * hundredths of a second, an import of Stash's image five.
 *
 * @param archives - in the cache, where a name stands for a content
 */
export async function containerdTemplate(archives: readonly string[], progress: Progress): Promise<string> {
  const key = await contentKey([...archives.map((archive) => basename(archive)), 'layout 1']);
  const template = join(templates, key);
  await cached(
    template,
    (unfinished) => progress.during('Importing images', () => importInto(unfinished, archives)),
    () => progress.say('Waiting for another run that imports images'),
  );
  touch(template);
  prune(templates, keptTemplates);
  return template;
}

/** containerd runs by itself for a moment, and is ended in order, so that its databases are whole. */
async function importInto(root: string, archives: readonly string[]): Promise<void> {
  mkdirSync(root, { recursive: true });
  await withTemporaryFolder(async (work) => {
    const config = join(work, 'containerd.toml');
    writeFileSync(config, containerdConfig(root, work));
    const script = `
mount -t tmpfs run /run
containerd --config "$1" > "$2" 2>&1 &
containerd=$!
shift 2
ctr() { command ctr --address ${layout.containerdSocket} --namespace k8s.io "$@"; }
give_up() { echo "$1" >&2; exit 1; }
for i in $(seq 300); do ctr version > /dev/null 2>&1 && break; sleep 0.1; done
for archive; do ctr images import --snapshotter overlayfs "$archive" > /dev/null || give_up "$archive was not imported"; done
# Each gets a second name, its digest, once the part that serves kubelet has seen it.
for i in $(seq 300); do [ "$(ctr images ls -q | grep -c ^sha256:)" -ge $# ] && break; sleep 0.1; done
[ "$(ctr images ls -q | grep -c ^sha256:)" -ge $# ] || give_up "containerd did not take up its images"
kill $containerd
wait $containerd
exit 0
`;
    const namespaces = [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--mount-proc',
      '--propagation',
      'private',
      '--kill-child',
    ];
    const log = join(work, 'containerd.log');
    const env = { ...process.env, PATH: [process.env.PATH ?? '', ...systemFolders].join(':') };
    await run('unshare', [...namespaces, '/bin/sh', '-c', script, 'sh', config, log, ...archives], { env });
  });
}

/**
 * A cluster's own copy. Blobs and unpacked layers are never written again, so links to them do; the databases are.
 */
export async function copyTemplate(template: string, target: string): Promise<void> {
  // Where the cache and the target are on different file systems, there are no links between them.
  const linked = await attempt('cp', ['-al', template, target]);
  if (linked.status !== 0) {
    await run('rm', ['-rf', target]);
    await run('cp', ['-a', template, target]);
    return;
  }
  for (const database of globSync('**/*.db', { cwd: target })) {
    if (database.includes('/snapshots/')) continue;
    const path = join(target, database);
    await run('cp', ['-p', path, `${path}.own`]);
    renameSync(`${path}.own`, path);
  }
}

export function startContainerd(state: string): Daemon {
  const config = join(state, 'containerd.toml');
  writeFileSync(config, containerdConfig(join(state, 'containerd'), state));
  const cni = join(state, 'cni');
  if (!existsSync(cni)) mkdirSync(cni);
  writeFileSync(join(cni, 'pods.conflist'), JSON.stringify(podNetwork, null, 2));
  return startDaemon(state, 'containerd', { args: ['--config', config] });
}

/** @param folder - where what containerd would otherwise have in fixed places is put */
function containerdConfig(root: string, folder: string): string {
  return `version = 2
root = "${root}"
state = "/run/containerd"
[grpc]
  address = "${layout.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(folder, 'opt')}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  # runc may not lower it where the machine lacks CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(folder, 'cni')}"
`;
}

const podNetwork = {
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: '/run/cni',
        ranges: [[{ subnet: layout.podRangeOfNode }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};
