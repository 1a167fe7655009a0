import { describe, expect, it } from 'vitest';
import { checkPod, identityOfSidecar, NOBODY } from './check-pod.ts';
import { backup, deployment, OPTIONS, REPOSITORY } from './fixtures.ts';
import { inject } from './inject.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';

const containerIn = (pod: Raw) => rawOf(rawsOf(pod.containers)[0]);
const sidecarOf = (pod: Raw) =>
  identityOfSidecar(inject(deployment(pod), { backups: [backup()], restores: [] }, OPTIONS).workload);

describe('a pod that checks a repository', () => {
  const pod = checkPod({ name: 'remote', secretName: 'storage' }, NOBODY, 'checker', OPTIONS);

  it('has the credentials in its one container, and no volume of anybody else', () => {
    expect(containerIn(pod)).toMatchObject({
      image: 'stash:1',
      args: ['agent', 'check', '--repository=remote'],
      volumeMounts: [
        { name: 'stash-secret-storage', mountPath: '/stash/secrets/remote', readOnly: true },
        { name: 'stash-scratch', mountPath: '/stash/scratch' },
        { name: 'stash-token', readOnly: true },
      ],
    });
    expect(rawsOf(pod.volumes).map(({ name }) => name)).toEqual([
      'stash-secret-storage',
      'stash-scratch',
      'stash-token',
    ]);
  });

  it('meets the restricted Pod Security Standard', () => {
    expect(pod.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(containerIn(pod).securityContext).toEqual({
      runAsUser: 65532,
      runAsGroup: 65532,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
      capabilities: { drop: ['ALL'] },
    });
  });

  it('runs as the ServiceAccount that it is told, once', () => {
    expect(pod).toMatchObject({
      serviceAccountName: 'checker',
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
    });
  });

  it('has the volume of a repository on one, and is there who writes it', () => {
    const identity = sidecarOf({ securityContext: { runAsUser: 1000, fsGroup: 2000, runAsNonRoot: true } });
    const local = checkPod(REPOSITORY, identity ?? NOBODY, 'default', OPTIONS);
    expect(local.volumes).toContainEqual({
      name: 'stash-claim-backups',
      persistentVolumeClaim: { claimName: 'backups' },
    });
    expect(containerIn(local).securityContext).toMatchObject({ runAsUser: 1000, runAsNonRoot: true });
    // fsGroup would give every file of the volume to the group.
    expect(local.securityContext).not.toHaveProperty('fsGroup');
    expect(local.securityContext).toMatchObject({ supplementalGroups: [2000] });
    expect(local.affinity).toMatchObject({
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { podAffinityTerm: { labelSelector: { matchLabels: { app: 'web' } } } },
        ],
      },
    });
  });

  it('overrides modes where the sidecar does, and has no other capability', () => {
    const local = checkPod(REPOSITORY, sidecarOf({}) ?? NOBODY, 'default', OPTIONS);
    expect(containerIn(local).securityContext).toMatchObject({
      runAsUser: 0,
      capabilities: { drop: ['ALL'], add: ['DAC_OVERRIDE'] },
    });
  });

  it('finds no identity in a workload without a sidecar', () => {
    expect(identityOfSidecar(deployment())).toBeUndefined();
  });
});
