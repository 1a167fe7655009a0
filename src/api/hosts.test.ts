import { describe, expect, it } from 'vitest';
import { hostNameOf } from './hosts.ts';

describe('the host that a pod is', () => {
  const node = `${'n'.repeat(200)}.example.com`;
  it.each([
    ['Deployment', 'web-7d9f-x2x1', 'node-a', 'host-0'],
    ['StatefulSet', 'web-0', 'node-a', 'host-0'],
    ['StatefulSet', 'web-2-12', 'node-a', 'host-12'],
    ['DaemonSet', 'web-x2x1', node, node],
  ])('of a %s in pod %s', (kind, podName, nodeName, host) => {
    expect(hostNameOf(kind, { podName, nodeName })).toBe(host);
  });
});
