import { describe, expect, it } from 'vitest';
import { claimUserOf } from './claim-user.ts';

const pod = (container: object = {}, shared: object = {}) => ({
  spec: {
    containers: [
      { name: 'other' },
      { name: 'app', volumeMounts: [{ name: 'data', mountPath: '/data' }], ...container },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    ...shared,
  },
});

const withUser = (securityContext: object) => ({ securityContext });

const cases: [string, object, object][] = [
  [
    'the user of the container that mounts it',
    pod(withUser({ runAsUser: 999, runAsGroup: 998 })),
    { podSecurityContext: { runAsUser: 999, runAsGroup: 998 }, capabilities: [] },
  ],
  [
    'that of the pod, with its groups, and no fsGroup',
    pod({}, withUser({ runAsUser: 999, runAsGroup: 998, fsGroup: 2000, supplementalGroups: [3000] })),
    {
      podSecurityContext: { runAsUser: 999, runAsGroup: 998, supplementalGroups: [3000, 2000] },
      capabilities: [],
    },
  ],
  [
    'root where nobody says who, with what root needs in files of others',
    pod(),
    { podSecurityContext: { runAsUser: 0 }, capabilities: ['DAC_OVERRIDE'] },
  ],
  [
    'no right that root has given up',
    pod(withUser({ runAsUser: 0, capabilities: { drop: ['ALL'] } })),
    { podSecurityContext: { runAsUser: 0 }, capabilities: [] },
  ],
  [
    'somebody who is not root where the container must not be',
    pod(withUser({ runAsNonRoot: true })),
    { podSecurityContext: { runAsNonRoot: true }, capabilities: [] },
  ],
  [
    'whoever writes before whoever reads',
    pod(
      {},
      {
        containers: [
          {
            name: 'reader',
            securityContext: { runAsUser: 1 },
            volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: true }],
          },
          {
            name: 'writer',
            securityContext: { runAsUser: 2 },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
      },
    ),
    { podSecurityContext: { runAsUser: 2 }, capabilities: [] },
  ],
];

describe('claimUserOf', () => {
  it.each(cases)('borrows %s', (_, template, user) => {
    expect(claimUserOf(template, 'data', 'backup')).toEqual({ ...user, tolerations: [] });
  });

  it('gives a restore what it takes to give files back to their owners', () => {
    expect(claimUserOf(pod(), 'data', 'restore')?.capabilities).toEqual([
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'FSETID',
    ]);
  });

  it('brings the tolerations along, or its node would turn the other away', () => {
    const tolerations = [{ key: 'data', operator: 'Exists' }];
    expect(claimUserOf(pod({}, { tolerations }), 'data', 'backup')?.tolerations).toEqual(tolerations);
  });

  it('finds nobody where no container mounts the claim', () => {
    expect(claimUserOf(pod(), 'other', 'backup')).toBeUndefined();
    expect(claimUserOf(pod({ volumeMounts: [] }), 'data', 'backup')).toBeUndefined();
  });
});
