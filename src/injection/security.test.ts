import { describe, expect, it } from 'vitest';
import { backup, containerOf, deployment, OPTIONS, podSpecOf, restoreIn, sidecarIn } from './fixtures.ts';
import { inject } from './inject.ts';
import type { Raw } from './raw.ts';

/** A pod whose container `app`, which holds /data, and which itself have these security contexts. */
function pod(container: Raw | undefined, shared?: Raw): Raw {
  const mount = { name: 'data', mountPath: '/data' };
  const app = { name: 'app', volumeMounts: [mount], ...(container && { securityContext: container }) };
  return { containers: [app], ...(shared && { securityContext: shared }) };
}

const ALWAYS = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  seccompProfile: { type: 'RuntimeDefault' },
  capabilities: { drop: ['ALL'] },
};
const READS_ALL = { ...ALWAYS, capabilities: { drop: ['ALL'], add: ['DAC_OVERRIDE'] } };

describe('the sidecar runs as', () => {
  it.each<[string, Raw, Raw]>([
    ['root that reads all, where nothing is declared', pod(undefined), { ...READS_ALL, runAsUser: 0 }],
    ["the container's user", pod({ runAsUser: 5 }), { ...ALWAYS, runAsUser: 5 }],
    ["the pod's user", pod(undefined, { runAsUser: 6 }), { ...ALWAYS, runAsUser: 6 }],
    [
      "the container's user rather than the pod's",
      pod({ runAsUser: 5 }, { runAsUser: 6 }),
      { ...ALWAYS, runAsUser: 5 },
    ],
    [
      "the container's group too",
      pod({ runAsUser: 5, runAsGroup: 7 }, { runAsGroup: 8 }),
      { ...ALWAYS, runAsUser: 5, runAsGroup: 7 },
    ],
    [
      "the image's own user, where root is forbidden",
      pod({ runAsNonRoot: true }),
      { ...ALWAYS, runAsNonRoot: true },
    ],
    [
      "the image's own user, where the pod forbids root",
      pod({}, { runAsNonRoot: true }),
      { ...ALWAYS, runAsNonRoot: true },
    ],
    [
      'root, where the container is let off what the pod forbids',
      pod({ runAsNonRoot: false }, { runAsNonRoot: true }),
      { ...READS_ALL, runAsUser: 0, runAsNonRoot: false },
    ],
    [
      'a user who is declared and not root',
      pod({ runAsUser: 5 }, { runAsNonRoot: true }),
      { ...ALWAYS, runAsUser: 5, runAsNonRoot: true },
    ],
    [
      'no more than was declared, where root is forbidden and declared',
      pod({ runAsUser: 0, runAsNonRoot: true }),
      { ...ALWAYS, runAsUser: 0, runAsNonRoot: true },
    ],
    ['root that reads all, where root is declared', pod({ runAsUser: 0 }), { ...READS_ALL, runAsUser: 0 }],
    [
      'root that reads what root of the container reads',
      pod({ runAsUser: 0, capabilities: { drop: ['ALL'] } }),
      { ...ALWAYS, runAsUser: 0 },
    ],
    [
      "the container's SELinux label",
      pod({ runAsUser: 5, seLinuxOptions: { level: 's0:c1' } }),
      { ...ALWAYS, runAsUser: 5, seLinuxOptions: { level: 's0:c1' } },
    ],
  ])('%s', (_, spec, expected) => {
    expect(sidecarIn(spec).securityContext).toEqual(expected);
  });

  it('the user of the first container that holds a directory', () => {
    const mount = { name: 'data', mountPath: '/data' };
    const containers = [
      { name: 'proxy', securityContext: { runAsUser: 1 } },
      { name: 'app', securityContext: { runAsUser: 2 }, volumeMounts: [mount] },
      { name: 'reader', securityContext: { runAsUser: 3 }, volumeMounts: [mount] },
    ];
    expect(sidecarIn({ containers }).securityContext).toMatchObject({ runAsUser: 2 });
  });
});

it('a restore that runs as root may give files back to their owners, and their setgid', () => {
  const { capabilities } = restoreIn(pod(undefined)).securityContext as Raw;
  expect(capabilities).toEqual({ drop: ['ALL'], add: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'] });
});

it('a restore as another user has no capability', () => {
  const { capabilities } = restoreIn(pod({ runAsUser: 5 })).securityContext as Raw;
  expect(capabilities).toEqual({ drop: ['ALL'] });
});

it("the pod's own settings stay as they are, and are not taken over", () => {
  const spec = {
    hostPID: true,
    hostUsers: false,
    shareProcessNamespace: true,
    securityContext: { fsGroup: 5 },
  };
  const { workload } = inject(deployment(spec), { backups: [backup()], restores: [] }, OPTIONS);
  expect(podSpecOf(workload)).toMatchObject(spec);
  expect(containerOf(workload, 'stash').securityContext).toEqual({ ...READS_ALL, runAsUser: 0 });
});
