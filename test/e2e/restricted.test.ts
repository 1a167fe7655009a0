import { beforeAll, describe, expect, it } from 'vitest';
import { identities, type Pod, useNamespace } from './cluster.ts';
import {
  backupConfiguration,
  backupSession,
  claim,
  DATA,
  deployment,
  repository,
  restoreSession,
} from './objects.ts';

/* A namespace of the restricted Pod Security Standard, and a workload that meets it, with a user of its own and no token. */

const namespace = useNamespace('e2e-restricted', {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/enforce-version': 'latest',
});
const name = 'strict';
let injected: Pod[];

beforeAll(async () => {
  const pod = {
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 4000,
      runAsGroup: 4000,
      fsGroup: 4000,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
  const container = {
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  await namespace.apply(claim('strict-data'), deployment(name, { claim: 'strict-data', pod, container }));
  const [plain] = (await namespace.settled(name)) as [Pod];
  await namespace.sh(plain, `umask 077; mkdir ${DATA}/own; echo precious > ${DATA}/own/file`);
  await namespace.apply(repository(name), backupConfiguration(name));
  injected = await namespace.settledWithSidecar(name);
});

describe('in a restricted namespace', () => {
  it('a workload is still admitted with its sidecar, which runs as the user of the workload', async () => {
    const [pod] = injected as [Pod];
    expect(await namespace.node(pod, 'console.log(process.getuid(), process.getgid())')).toBe('4000 4000');
    expect(
      await namespace.node(
        pod,
        `try { require('node:fs').writeFileSync('${DATA}/x', '') } catch (e) { console.log(e.code) }`,
      ),
    ).toBe('EROFS');
  });

  it('its data, which nobody else may read, is backed up', async () => {
    await namespace.apply(backupSession('strict-first', name));
    const { status } = await namespace.backupEnded('strict-first', 'Succeeded');
    expect(status?.stats?.[0]?.fileStats).toEqual({ new: 1, changed: 0, unmodified: 0 });
    expect(identities(await namespace.podsOf(name))).toEqual(identities(injected));
  });

  it('and is restored, with owner and mode', async () => {
    const look = `stat -c '%a %u:%g' ${DATA}/own ${DATA}/own/file; cat ${DATA}/own/file`;
    const [pod] = injected as [Pod];
    const before = await namespace.sh(pod, look);
    await namespace.sh(pod, `rm -rf ${DATA}/own`);
    await namespace.apply(restoreSession('strict-back', name));
    await namespace.restoreEnded('strict-back', 'Succeeded');
    const [restored] = (await namespace.settled(name)) as [Pod];
    expect(await namespace.sh(restored, look)).toBe(before);
  });
});
