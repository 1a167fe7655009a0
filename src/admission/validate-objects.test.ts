import { describe, expect, it } from 'vitest';
import {
  BACKUP_CONFIGURATION,
  BACKUP_SESSION,
  type Kind,
  REPOSITORY,
  RESTORE_SESSION,
} from '../api/kinds.ts';
import { apiVersionOf } from '../api/resources.ts';
import { requestFor } from './review.fixture.ts';
import { validateObjects } from './validate-objects.ts';
import { ALLOWED, type Allowed, type Refused } from './verdict.ts';

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
const specs = new Map<Kind, object>([
  [
    REPOSITORY,
    { backend: { local: { persistentVolumeClaim: { claimName: 'backups' } }, storageSecretName: 'secret' } },
  ],
  [
    BACKUP_CONFIGURATION,
    { schedule: '@daily', repository: { name: 'shop' }, target: { ref, directories: ['/source/data'] } },
  ],
  [BACKUP_SESSION, { backupConfiguration: { name: 'shop' } }],
  [RESTORE_SESSION, { repository: { name: 'shop' }, target: { ref, directories: ['/source/data'] } }],
]);

type Difference = { [field: string]: Difference | unknown };

/** `base` with the fields of `difference` in it; undefined takes a field out. */
function merged(base: unknown, difference: Difference): Difference {
  const result: Difference = { ...(base as Difference) };
  for (const [field, value] of Object.entries(difference)) {
    const isNested = value !== null && typeof value === 'object' && !Array.isArray(value);
    result[field] = isNested ? merged(result[field] ?? {}, value as Difference) : value;
  }
  return result;
}

function objectOf(kind: Kind, difference: Difference = {}) {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: 'shop', namespace: 'demo' } as Record<string, unknown>,
    spec: merged(structuredClone(specs.get(kind)), difference),
  };
}

const validating = validateObjects({ targetProblems: () => ({ problems: [], warnings: [] }) });

const review = (kind: Kind, object: object, oldObject?: object) =>
  validating(
    requestFor({
      operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
      kind,
      object: object as Record<string, unknown>,
      oldObject: oldObject as Record<string, unknown>,
    }),
  );

const configuration = (difference: Difference): [Kind, Difference] => [BACKUP_CONFIGURATION, difference];
const repository = (backend: Difference): [Kind, Difference] => [REPOSITORY, { backend }];
const remote = (backend: Difference) => repository({ local: undefined, ...backend });
const restore = (difference: Difference): [Kind, Difference] => [RESTORE_SESSION, difference];

const byMessage = <Case>(cases: [Case, string][]) => cases.map(([one, message]) => [message, one] as const);

describe('validateObjects', () => {
  it.each([...specs.keys()].map((kind) => [kind.kind, kind] as const))('admits a right %s', (_, kind) => {
    expect(review(kind, objectOf(kind))).toBe(ALLOWED);
  });

  const wrong: [object: [Kind, Difference], message: string][] = [
    [configuration({ schedule: undefined }), 'spec.schedule: is missing; When to back up'],
    [configuration({ schedule: '61 * * * *' }), 'spec.schedule: schedule "61 * * * *"'],
    [configuration({ schedule: '0 0 30 2 *' }), 'spec.schedule: schedule "0 0 30 2 *" is never due'],
    [configuration({ schedule: '@fortnightly' }), 'spec.schedule: schedule "@fortnightly" is no macro'],
    [
      configuration({ schedule: '@every 1s' }),
      'spec.schedule: schedule "@every 1s": the interval "1s" must be',
    ],
    [
      configuration({ schedule: 'tomorrow' }),
      'spec.schedule: "tomorrow" does not have the right form; write five',
    ],
    [
      configuration({ timeZone: 'Mars/Olympus' }),
      'spec.timeZone: timeZone "Mars/Olympus" is not known; write an IANA',
    ],
    [configuration({ timeout: '10ms' }), 'spec.timeout: "10ms" is too short; write 1s or more'],
    [
      configuration({ timeout: '99999h' }),
      'spec.timeout: "99999h" is too long; write 8784h (a year) or less',
    ],
    [
      configuration({ timeout: '1 day' }),
      'spec.timeout: "1 day" does not have the right form; write a duration',
    ],
    [configuration({ startingDeadline: '0s' }), 'spec.startingDeadline: "0s" is too short; write 1s or more'],
    [
      configuration({ target: { directories: ['/a', '/b', '/a/'] } }),
      'spec.target.directories[2]: "/a/" is the directory that stands at spec.target.directories[0] already',
    ],
    [
      configuration({ target: { directories: ['/stash/scratch'] } }),
      'spec.target.directories[0]: "/stash/scratch" meets /stash, which the agent has for itself',
    ],
    [
      configuration({ target: { directories: ['/proc/1'] } }),
      'spec.target.directories[0]: "/proc/1" meets /proc, which the agent has for itself',
    ],
    [
      configuration({ target: { directories: [] } }),
      'spec.target.directories: [] is not enough; write at least one entry',
    ],
    [
      configuration({ target: { ref: { kind: 'Job' } } }),
      'spec.target.ref.kind: "Job" is not possible; choose Deployment',
    ],
    [
      configuration({ target: { ref: { name: 'shop..de' } } }),
      'spec.target.ref.name: "shop..de" is the name of no object, because of ""',
    ],
    [configuration({ repository: { name: 'x'.repeat(64) } }), 'is the name of no object, because of "xxxx'],
    [
      configuration({ target: { exclude: ['*.tmp', 'cache[0-9'] } }),
      'spec.target.exclude[1]: "cache[0-9" is no pattern: a "[" opens a class',
    ],
    [
      configuration({ target: { exclude: ['data\\'] } }),
      'spec.target.exclude[0]: "data\\\\" is no pattern: it ends with',
    ],
    [
      configuration({ retentionPolicy: { keepLast: 0 } }),
      'spec.retentionPolicy.keepLast: 0 is too small; write 1 or more',
    ],
    [configuration({ backupHistoryLimit: -1 }), 'spec.backupHistoryLimit: -1 is too small; write 0 or more'],
    [
      configuration({ rollout: 'Never' }),
      'spec.rollout: "Never" is not possible; choose Automatic or OnNextUpdate',
    ],
    [
      repository({ storageSecretName: undefined }),
      'spec.backend.storageSecretName: is missing; Name of the Secret',
    ],
    [
      repository({ storageSecretName: 'a.-b' }),
      'spec.backend.storageSecretName: "a.-b" is the name of no object, because of "-b"',
    ],
    [
      repository({ local: { persistentVolumeClaim: { claimName: 'a..b' } } }),
      'spec.backend.local.persistentVolumeClaim.claimName: "a..b" is the name of no object',
    ],
    [
      repository({ local: { mountPath: '/stash' } }),
      'spec.backend.local.mountPath: "/stash" meets /stash, which the agent has for itself; write another path',
    ],
    [
      repository({ local: { mountPath: 'backup' } }),
      'spec.backend.local.mountPath: "backup" does not have the right form',
    ],
    [
      repository({ ftp: { host: 'b' } }),
      'spec.backend.ftp: is not a field; there are local, s3, gcs, azure, b2, swift, rest, storageSecretName',
    ],
    [
      repository({ gcs: { bucket: 'shop' } }),
      'spec.backend: snapshots live in one place; name exactly one of local, s3, gcs, azure, b2, swift, rest',
    ],
    [
      repository({ local: undefined }),
      'spec.backend: snapshots live in one place; name exactly one of local, s3',
    ],
    [
      remote({ rest: { url: 'https://me:secret@host/' } }),
      'spec.backend.rest.url: a URL carries no credentials; write them into the storage Secret, as REST_SERVER_USERNAME and REST_SERVER_PASSWORD',
    ],
    [
      remote({ s3: { endpoint: 'me:secret@host', bucket: 'shop' } }),
      'spec.backend.s3.endpoint: a URL carries no credentials; write them into the storage Secret, as AWS_ACCESS_KEY_ID',
    ],
    [
      remote({ s3: { endpoint: 'https://me:secret@host/bucket', bucket: 'shop' } }),
      'spec.backend.s3.endpoint: "https://…@host/bucket" does not have the right form; write a host, or a URL',
    ],
    [remote({ s3: { endpoint: 'host' } }), 'spec.backend.s3.bucket: is missing; The bucket.'],
    [
      remote({ rest: { url: 'ftp://host/' } }),
      'spec.backend.rest.url: "ftp://host/" does not have the right form; write a URL of http or https',
    ],
    [
      remote({ gcs: { bucket: 'shop', prefix: 'a/../b' } }),
      'spec.backend.gcs.prefix: a path is written without "." and ".."; write where it leads to',
    ],
    [
      remote({ gcs: { bucket: 'shop', prefix: 'a//b' } }),
      'spec.backend.gcs.prefix: "a//b" does not have the right form; write a path such as shop/deployment/web',
    ],
    [
      remote({ azure: { container: 'shop', prefix: 'a\nb' } }),
      'spec.backend.azure.prefix: "a\\nb" does not have the right form',
    ],
    [
      remote({ azure: { container: 'Shop' } }),
      'spec.backend.azure.container: "Shop" does not have the right form; a name has lower-case letters',
    ],
    [
      remote({ b2: { bucket: 'shop' } }),
      'spec.backend.b2.bucket: "shop" is not enough; write at least 6 characters',
    ],
    [
      remote({ swift: { container: 'a:b' } }),
      'spec.backend.swift.container: "a:b" does not have the right form; a name has neither "/" nor ":"',
    ],
    [
      remote({ s3: { bucket: 'shop', maxConnections: 0 } }),
      'spec.backend.s3.maxConnections: 0 is too small; write 1 or more',
    ],
    [
      [BACKUP_SESSION, { backupConfiguration: { name: 'shop.' } }],
      'spec.backupConfiguration.name: "shop." does not have the right form; a name has lower-case letters',
    ],
    [
      [BACKUP_SESSION, { backupConfiguration: { name: 'a.-b' } }],
      'spec.backupConfiguration.name: "a.-b" is the name of no object',
    ],
    [restore({ timeout: '1ms' }), 'spec.timeout: "1ms" is too short'],
    [
      restore({ target: { directories: ['/a//b'] } }),
      'spec.target.directories[0]: "/a//b" does not have the right form; write the path from the root',
    ],
  ];

  it.each(byMessage(wrong))('refuses with 422 and a cause: %s', (message, [kind, difference]) => {
    const verdict = review(kind, objectOf(kind, difference)) as Refused;
    expect(verdict.allowed).toBe(false);
    expect(verdict.status).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(verdict.status.message).toContain(message);
    const causes = verdict.status.details?.causes ?? [];
    expect(causes.map(({ field, message: text }) => `${field}: ${text}`).join('\n')).toContain(message);
  });

  it('tells all that is wrong at once', () => {
    const object = objectOf(BACKUP_CONFIGURATION, {
      schedule: '0 25 * * *',
      timeZone: 'Nowhere',
      timeout: '0s',
      target: { directories: ['/a', '/a/'] },
    });
    const { status } = review(BACKUP_CONFIGURATION, object) as Refused;
    expect(status.details?.causes.map(({ field }) => field)).toEqual([
      'spec.schedule',
      'spec.timeZone',
      'spec.target.directories[1]',
      'spec.timeout',
    ]);
    expect(status.details).toMatchObject({
      group: 'stash.appscode.com',
      kind: 'BackupConfiguration',
      name: 'shop',
    });
  });

  const unwise: [object: [Kind, Difference], message: string][] = [
    [
      configuration({ target: { directories: ['/a', '/a/b'] } }),
      'spec.target.directories[1]: "/a/b" lies in "/a", which is handled as a whole; take one of them out',
    ],
    [configuration({ startingDeadline: '5s' }), 'spec.startingDeadline: with "5s", a backup that is due'],
    [
      repository({ local: { persistentVolumeClaim: { readOnly: true } } }),
      'spec.backend.local.persistentVolumeClaim.readOnly: a repository on a read-only claim can be restored from',
    ],
  ];

  it.each(byMessage(unwise))('admits with a warning: %s', (message, [kind, difference]) => {
    const verdict = review(kind, objectOf(kind, difference)) as Allowed;
    expect(verdict.allowed).toBe(true);
    expect(verdict.warnings).toHaveLength(1);
    expect(verdict.warnings?.[0]).toContain(message);
  });

  describe('with an object that was wrong before', () => {
    const old = objectOf(BACKUP_CONFIGURATION, { schedule: '61 * * * *' });

    it('refuses a change of its spec that leaves it wrong', () => {
      const changed = objectOf(BACKUP_CONFIGURATION, { schedule: '61 * * * *', paused: true });
      expect(review(BACKUP_CONFIGURATION, changed, old)).toMatchObject({ allowed: false });
    });

    it('admits a change of anything else, such as a finalizer', () => {
      const changed = { ...old, metadata: { ...old.metadata, finalizers: ['x/y'] } };
      expect(review(BACKUP_CONFIGURATION, changed, old)).toBe(ALLOWED);
    });

    it('admits any change while it is being deleted', () => {
      const changed = objectOf(BACKUP_CONFIGURATION, { schedule: '62 * * * *' });
      changed.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
      expect(review(BACKUP_CONFIGURATION, changed, old)).toBe(ALLOWED);
    });

    it('admits its status', () => {
      const request = requestFor({
        operation: 'UPDATE',
        kind: BACKUP_CONFIGURATION,
        subResource: 'status',
        object: old,
      });
      expect(validating(request)).toBe(ALLOWED);
    });
  });

  describe('with what is found of the workload', () => {
    const asked: unknown[][] = [];
    const finding = (problems: object[], warnings: object[] = []) =>
      validateObjects({
        targetProblems: (...args) => {
          asked.push(args);
          return { problems, warnings } as never;
        },
      });
    const request = (difference: Difference = {}) =>
      requestFor({
        operation: 'CREATE',
        kind: BACKUP_CONFIGURATION,
        namespace: 'demo',
        name: 'shop',
        object: objectOf(BACKUP_CONFIGURATION, difference),
      });

    it('refuses a problem with its field, and shows what is only unwise', () => {
      const problem = { path: 'spec.target.directories[0]', message: 'no volume holds "/source/data"' };
      expect(finding([problem])(request())).toMatchObject({
        allowed: false,
        status: { code: 422, details: { causes: [{ field: problem.path, message: problem.message }] } },
      });
      expect(finding([], [problem])(request())).toEqual({
        allowed: true,
        warnings: [`${problem.path}: ${problem.message}`],
      });
    });

    it('asks of no object that is wrong in itself, and always with its namespace', () => {
      asked.length = 0;
      finding([])(request({ schedule: '61 * * * *' }));
      expect(asked).toEqual([]);
      finding([])(request());
      expect(asked[0]).toMatchObject([
        BACKUP_CONFIGURATION,
        { metadata: { namespace: 'demo', name: 'shop' } },
        undefined,
      ]);
    });
  });

  it('has nothing to say of a deletion, or of a kind that is not ours', () => {
    expect(validating(requestFor({ operation: 'DELETE', object: undefined }))).toBe(ALLOWED);
    expect(validating(requestFor())).toBe(ALLOWED);
  });
});
