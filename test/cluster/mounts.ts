import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layout } from './layout.ts';
import { run } from './run.ts';

/** Where kubelet, CNI and containerd write to fixed paths, whatever they are told. */
const strayTrees = ['/var/lib', '/var/log', '/opt'];

/** What kubelet sets on the whole machine unless it finds it so. */
const kernelSettings = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/**
 * Makes the cluster's mount namespace one in which nothing that its processes write reaches the machine.
 *
 * @param kept - folders of the user's (the current one, the checkout) that stay as they are even within a stray tree
 */
export async function isolateMounts(state: string, kept: readonly string[]): Promise<void> {
  await mount('-t', 'tmpfs', 'run', '/run');
  mkdirSync('/run/netns');
  const scratch = join(state, 'stray');
  mkdirSync(scratch);
  await mount('-t', 'tmpfs', 'stray', scratch);

  for (const [i, tree] of strayTrees.entries()) {
    if (!existsSync(tree)) continue;
    const within = kept.filter((folder) => folder === tree || folder.startsWith(`${tree}/`));
    const aside = within.map((folder, n) => ({ folder, copy: join(scratch, `kept-${i}-${n}`) }));
    for (const { folder, copy } of aside) {
      mkdirSync(copy);
      await mount('--rbind', folder, copy);
    }
    const upper = join(scratch, `upper-${i}`);
    const work = join(scratch, `work-${i}`);
    mkdirSync(upper);
    mkdirSync(work);
    await mount('-t', 'overlay', '-o', `lowerdir=${tree},upperdir=${upper},workdir=${work}`, 'stray', tree);
    for (const { folder, copy } of aside) await mount('--rbind', copy, folder);
  }

  // Kubelet changes these for the whole machine. Reading what it wants to find, it writes nothing.
  for (const [i, [name, value]] of Object.entries(kernelSettings).entries()) {
    const path = `/proc/sys/${name}`;
    if (!existsSync(path)) continue;
    const file = join(scratch, `setting-${i}`);
    writeFileSync(file, `${value}\n`);
    await mount('--bind', file, path);
  }
}

/**
 * Names are resolved by the cluster's own DNS, for COMMAND as for pods: Services by name, and for all else an answer
 * at once that there is none, where the machine's resolver, out of reach, would be waited for.
 */
export async function useClusterDns(state: string): Promise<void> {
  const system = '/etc/resolv.conf';
  // A link into /run leads nowhere by now.
  if (!existsSync(system)) return;
  const file = join(state, 'resolv.conf');
  writeFileSync(file, `nameserver ${layout.dnsAddress}\nsearch svc.cluster.local cluster.local\n`);
  await mount('--bind', file, system);
}

async function mount(...args: string[]): Promise<void> {
  await run('mount', args);
}
