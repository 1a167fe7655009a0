import { existsSync, writeFileSync } from 'node:fs';
import { layout } from './layout.ts';
import { run } from './run.ts';

/**
 * The network of a cluster, inside its own namespace: no packet leaves it.
 *
 * A bridge serves as the node's interface: not every kernel has the `dummy` device.
 */
export async function createNetwork(): Promise<void> {
  const commands = [
    'link set lo up',
    'link add node0 type bridge',
    `addr add ${layout.nodeAddress}/24 dev node0`,
    `addr add ${layout.dnsAddress}/32 dev node0`,
    'link set node0 up',
    'route add default dev node0',
  ];
  await run('ip', ['-batch', '-'], { input: commands.join('\n') });
  setSysctl('net/ipv4/ip_forward', '1');
  // Without it a pod that reaches itself or a neighbour through a Service passes iptables by.
  setSysctl('net/bridge/bridge-nf-call-iptables', '1');
}

function setSysctl(name: string, value: string): void {
  const path = `/proc/sys/${name}`;
  if (existsSync(path)) writeFileSync(path, value);
}
