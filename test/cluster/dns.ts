import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, startDaemon } from './daemon.ts';
import { layout } from './layout.ts';

/** The cluster's DNS: Services and pods, and nothing outside. */
export function startDns(state: string): Daemon {
  const file = join(state, 'Corefile');
  writeFileSync(
    file,
    `.:53 {
  bind ${layout.dnsAddress}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${join(state, 'admin.kubeconfig')} stash-test
    ttl 1
  }
}
`,
  );
  return startDaemon(state, 'coredns', { args: ['-conf', file] });
}
