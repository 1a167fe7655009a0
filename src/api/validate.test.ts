import { describe, expect, it } from 'vitest';
import { BACKUP_CONFIGURATION, type Kind, REPOSITORY } from './kinds.ts';
import { describeProblems } from './problem.ts';
import { validate } from './validate.ts';

const repository = () => ({
  apiVersion: 'stash.appscode.com/v1alpha2',
  kind: 'Repository',
  metadata: { name: 'shop' },
  spec: {
    backend: {
      local: { persistentVolumeClaim: { claimName: 'backups' } },
      storageSecretName: 'shop-secret',
    } as Record<string, unknown>,
  },
});

const configuration = () => ({
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'BackupConfiguration',
  metadata: { name: 'shop' },
  spec: {
    schedule: '@every 1h',
    repository: { name: 'shop' },
    target: {
      ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
      directories: ['/source/data'],
    },
    retentionPolicy: { keepLast: 5, prune: true } as Record<string, unknown>,
  } as Record<string, unknown>,
});

describe('validate', () => {
  it('finds nothing wrong with what is right, and puts the defaults in', () => {
    const object = configuration();
    expect(validate(BACKUP_CONFIGURATION, object)).toEqual([]);
    expect(object.spec).toMatchObject({
      paused: false,
      timeout: '24h',
      startingDeadline: '1h',
      backupHistoryLimit: 3,
      rollout: 'Automatic',
      retentionPolicy: { dryRun: false },
    });
  });

  const cases: [string, Kind, (o: never) => void, string][] = [
    [
      'a missing field',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) => delete o.spec.schedule,
      'spec.schedule: is missing; When to back up',
    ],
    [
      'a misspelt field',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) => Object.assign(o.spec, { scedule: '@daily' }),
      'spec.scedule: is not a field; there are schedule, timeZone,',
    ],
    [
      'a relative directory',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) =>
        Object.assign(o.spec.target as object, { directories: ['data'] }),
      'spec.target.directories[0]: "data" does not have the right form; write the path from the root',
    ],
    [
      'a kind that has no pods',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) =>
        Object.assign((o.spec.target as { ref: object }).ref, { kind: 'Pod' }),
      'spec.target.ref.kind: "Pod" is not possible; choose Deployment',
    ],
    [
      'a wrong type',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) => Object.assign(o.spec, { paused: 'yes' }),
      'spec.paused: "yes" is no boolean',
    ],
    [
      'a duration in days',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) => Object.assign(o.spec, { timeout: '1d' }),
      'spec.timeout: "1d" does not have the right form; write a duration such as 90s, 1h30m or 24h',
    ],
    [
      'a number out of bounds',
      BACKUP_CONFIGURATION,
      (o: ReturnType<typeof configuration>) => Object.assign(o.spec, { retentionPolicy: { keepLast: 0 } }),
      'spec.retentionPolicy.keepLast: 0 is too small; write 1 or more',
    ],
    [
      'a name that Kubernetes refuses',
      REPOSITORY,
      (o: ReturnType<typeof repository>) => Object.assign(o.spec.backend, { storageSecretName: 'My_Secret' }),
      'spec.backend.storageSecretName: "My_Secret" does not have the right form; a name has lower-case letters',
    ],
    [
      'another API version',
      REPOSITORY,
      (o: ReturnType<typeof repository>) => Object.assign(o, { apiVersion: 'stash.appscode.com/v1alpha1' }),
      'apiVersion: "stash.appscode.com/v1alpha1" is not possible; choose stash.appscode.com/v1alpha2',
    ],
  ];

  it.each(cases)('tells where %s is, what was found and what to do', (_, kind, spoil, message) => {
    const object = kind === REPOSITORY ? repository() : configuration();
    spoil(object as never);
    expect(describeProblems(validate(kind, object))).toContain(message);
  });

  it.each([null, undefined, 1, 'x', [], {}])('refuses %j without a crash', (value) => {
    expect(validate(REPOSITORY, value)).not.toEqual([]);
  });
});
