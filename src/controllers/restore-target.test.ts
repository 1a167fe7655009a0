import { describe, expect, it } from 'vitest';
import { aRestore, aWorkload } from './objects.fixture.ts';
import { mustBeEmptied, targetFault } from './restore-target.ts';
import type { Workload } from './workload.ts';

const emptyDir = { emptyDir: {} };
const claim = { persistentVolumeClaim: { claimName: 'data' } };
const hostPath = { hostPath: { path: '/srv' } };

function holding(
  kind: string,
  source: object,
  count: number,
  more: { mount?: object; spec?: object } = {},
): Workload {
  const template = {
    spec: {
      containers: [
        { name: 'app', volumeMounts: [{ name: 'data', mountPath: '/source/data', ...more.mount }] },
      ],
      volumes: [{ name: 'data', ...source }],
    },
  };
  const workload = aWorkload({ kind, spec: { replicas: count, template: template as object, ...more.spec } });
  return kind === 'DaemonSet' ? { ...workload, status: { desiredNumberScheduled: count } } : workload;
}

const reason = (workload: Workload) => targetFault(workload, aRestore())?.reason;

describe('a restore', () => {
  it.each([
    ['Deployment', claim, 1, undefined],
    ['Deployment', claim, 3, undefined],
    ['Deployment', emptyDir, 1, undefined],
    ['Deployment', emptyDir, 2, 'SeparateVolumes'],
    ['Deployment', { ephemeral: {} }, 2, 'SeparateVolumes'],
    ['Deployment', hostPath, 1, undefined],
    ['Deployment', hostPath, 2, 'SeparateVolumes'],
    ['StatefulSet', emptyDir, 3, undefined],
    ['StatefulSet', claim, 1, undefined],
    ['StatefulSet', claim, 2, 'SharedVolume'],
    ['StatefulSet', hostPath, 2, 'SharedVolume'],
    ['DaemonSet', hostPath, 3, undefined],
    ['DaemonSet', emptyDir, 3, undefined],
    ['DaemonSet', claim, 1, undefined],
    ['DaemonSet', claim, 2, 'SharedVolume'],
  ])(
    'into a %s with %j and %i pods is refused where no pod, or another, would get its data',
    (kind, source, count, expected) => {
      expect(reason(holding(kind, source, count))).toBe(expected);
    },
  );

  it('is let into the claim template of a StatefulSet, and into a part of a volume for each pod', () => {
    const volumeClaimTemplates = [{ metadata: { name: 'data' } }];
    expect(reason(holding('StatefulSet', emptyDir, 3, { spec: { volumeClaimTemplates } }))).toBeUndefined();
    const mount = { subPathExpr: '$(POD_NAME)' };
    expect(reason(holding('StatefulSet', claim, 3, { mount }))).toBeUndefined();
    expect(reason(holding('DaemonSet', claim, 3, { mount }))).toBeUndefined();
  });

  it.each([
    [hostPath, 1, 'OldPodsWrite'],
    [hostPath, '10%', 'OldPodsWrite'],
    [hostPath, 0, undefined],
    [hostPath, '0%', undefined],
    [emptyDir, 1, undefined],
  ])(
    'into %j of a DaemonSet with maxSurge %s is refused where the old pod goes on writing',
    (source, maxSurge, expected) => {
      const updateStrategy = { rollingUpdate: { maxSurge } };
      expect(reason(holding('DaemonSet', source, 1, { spec: { updateStrategy } }))).toBe(expected);
    },
  );

  it('says which directory lies where', () => {
    expect(targetFault(holding('Deployment', emptyDir, 2), aRestore())?.message).toContain(
      '/source/data lies in the volume "data" (emptyDir)',
    );
  });

  it.each([
    ['Deployment', claim, true],
    ['Deployment', hostPath, true],
    ['Deployment', { nfs: { server: 's', path: '/' } }, true],
    ['Deployment', emptyDir, false],
    ['StatefulSet', claim, false],
    ['DaemonSet', hostPath, false],
  ])('into a %s with %j waits for all old pods: %s', (kind, source, expected) => {
    expect(mustBeEmptied(holding(kind, source, 1), aRestore())).toBe(expected);
  });
});
