// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import {
  APP_BINDING,
  BACKUP_CONFIGURATION,
  BACKUP_SESSION,
  FUNCTION,
  type Kind,
  REPOSITORY,
  RESTORE_SESSION,
  TASK,
} from '../../src/api/kinds.ts';
import { apiVersionOf } from '../../src/api/resources.ts';

/** Who finds a mistake: the CRD alone, or the webhook, where a schema and CEL cannot say it. */
export type Finder = 'schema' | 'CEL' | 'webhook';

/** An object with one mistake, and all that its author is told of it. */
export interface Mistake {
  what: string;
  kind: Kind;
  by: Finder;
  /** How it differs from the object that is right; undefined takes a field out. */
  difference: Difference;
  /** The field that is wrong. */
  path: string;
  /** What was found, and what to do. */
  message: string;
}

export type Difference = { [field: string]: unknown };

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'shop' };
const binding = { apiVersion: 'appcatalog.appscode.com/v1alpha1', kind: 'AppBinding', name: 'shop' };
const ofClaim = { task: { name: 'volume-backup' } };
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
  [FUNCTION, { image: 'tool:v1', args: ['backup', '--host=${hostname}'] }],
  [TASK, { functions: [{ name: 'pg-backup', inputs: { repoDir: '${prefix}' } }] }],
  [APP_BINDING, { clientConfig: { service: { name: 'postgres', port: 5432 } }, secret: { name: 'auth' } }],
]);

/** The object of `kind` that is right, with `difference` in its spec. */
export function objectOf(kind: Kind, difference: Difference = {}, name = 'one-mistake') {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name } as { name: string; namespace?: string },
    spec: merged(structuredClone(specs.get(kind)), difference),
  };
}

function merged(base: unknown, difference: Difference): Difference {
  const result: Difference = { ...(base as Difference) };
  for (const [field, value] of Object.entries(difference)) {
    const isNested = value !== null && typeof value === 'object' && !Array.isArray(value);
    result[field] = isNested ? merged(result[field] ?? {}, value as Difference) : value;
    if (value === undefined) delete result[field];
  }
  return result;
}

type Row = [what: string, by: Finder, difference: Difference, path: string, message: string];

const of = (kind: Kind, rows: Row[]): Mistake[] =>
  rows.map(([what, by, difference, path, message]) => ({ kind, what, by, difference, path, message }));

const long = (length: number) => 'x'.repeat(length);

export const MISTAKES: Mistake[] = [
  ...of(REPOSITORY, [
    [
      'no Secret',
      'schema',
      { backend: { storageSecretName: undefined } },
      'spec.backend.storageSecretName',
      'is missing; Name of the Secret with the credentials',
    ],
    [
      'a Secret with a name that none can have',
      'schema',
      { backend: { storageSecretName: 'My_Secret' } },
      'spec.backend.storageSecretName',
      '"My_Secret" does not have the right form; a name has lower-case letters',
    ],
    [
      'a claim with a name that none can have, between two dots',
      'webhook',
      { backend: { local: { persistentVolumeClaim: { claimName: 'a..b' } } } },
      'spec.backend.local.persistentVolumeClaim.claimName',
      '"a..b" is the name of no object, because of ""; between its dots',
    ],
    [
      'a relative mountPath',
      'schema',
      { backend: { local: { mountPath: 'backup' } } },
      'spec.backend.local.mountPath',
      '"backup" does not have the right form; write an absolute path, such as /backup',
    ],
    [
      'a mountPath with ".."',
      'CEL',
      { backend: { local: { mountPath: '/backup/../etc' } } },
      'spec.backend.local.mountPath',
      'a path is written without ".."',
    ],
    [
      'a mountPath over the agent',
      'webhook',
      { backend: { local: { mountPath: '/usr/local' } } },
      'spec.backend.local.mountPath',
      '"/usr/local" meets /usr/local/bin, which the agent has for itself; write another path',
    ],
    [
      'an absolute subPath',
      'schema',
      { backend: { local: { subPath: '/shop' } } },
      'spec.backend.local.subPath',
      '"/shop" does not have the right form; write a relative path',
    ],
    [
      'a subPath that leads out of the volume',
      'CEL',
      { backend: { local: { subPath: '../other' } } },
      'spec.backend.local.subPath',
      'a path is written without ".."',
    ],
  ]),
  ...of(BACKUP_CONFIGURATION, [
    [
      'no schedule',
      'schema',
      { schedule: undefined },
      'spec.schedule',
      'is missing; When to back up: five fields of cron',
    ],
    [
      'a schedule in words',
      'schema',
      { schedule: 'tomorrow' },
      'spec.schedule',
      '"tomorrow" does not have the right form; write five cron fields',
    ],
    [
      'a minute that no hour has',
      'webhook',
      { schedule: '61 * * * *' },
      'spec.schedule',
      'schedule "61 * * * *"',
    ],
    [
      'a day that no month has',
      'webhook',
      { schedule: '0 0 30 2 *' },
      'spec.schedule',
      'schedule "0 0 30 2 *" is never due',
    ],
    [
      'a macro that is none',
      'webhook',
      { schedule: '@fortnightly' },
      'spec.schedule',
      'schedule "@fortnightly" is no macro',
    ],
    [
      'an interval that a CronJob is to keep',
      'schema',
      { schedule: '@every 6h', scheduler: 'CronJob' },
      'spec',
      'scheduler CronJob has no @every',
    ],
    [
      'a time zone that is none',
      'webhook',
      { timeZone: 'Mars/Olympus' },
      'spec.timeZone',
      'timeZone "Mars/Olympus" is not known; write an IANA',
    ],
    ['a wrong type', 'schema', { paused: 'yes' }, 'spec.paused', '"yes" is no boolean'],
    [
      'no repository',
      'schema',
      { repository: undefined },
      'spec.repository',
      'is missing; The Repository that holds the snapshots',
    ],
    [
      'a repository with a name that is too long for its part',
      'webhook',
      { repository: { name: long(64) } },
      'spec.repository.name',
      'is the name of no object, because of "xxxx',
    ],
    [
      'neither a target nor a task',
      'CEL',
      { target: undefined },
      'spec',
      'there is neither a target nor a task; write target, or the task that backs up the cluster',
    ],
    [
      'a task for a workload',
      'CEL',
      { task: { name: 'volume-backup' } },
      'spec',
      "a workload's own pods do the work, and no task; take task out",
    ],
    [
      'a claim without a task',
      'CEL',
      { target: { ref: claim, directories: undefined } },
      'spec',
      'a PersistentVolumeClaim or an AppBinding takes a task that does the work; write task.name',
    ],
    [
      'a task with a name that none can have',
      'schema',
      { target: undefined, task: { name: 'cluster_backup' } },
      'spec.task.name',
      '"cluster_backup" does not have the right form; write the name of a Task, such as pg-backup',
    ],
    [
      'an input that is no text',
      'schema',
      { target: undefined, task: { name: 'cluster-backup', inputs: { sanitize: true } } },
      'spec.task.inputs.sanitize',
      'true is no string',
    ],
    [
      'a switch that is neither on nor off',
      'webhook',
      { target: undefined, task: { name: 'cluster-backup', inputs: { enableMetric: 'True' } } },
      'spec.task.inputs.enableMetric',
      '"True" is neither "true" nor "false"; write one of them',
    ],
    [
      'a switch that is neither on nor off, in kebab case',
      'webhook',
      { target: undefined, task: { name: 'cluster-backup', inputs: { 'enable-metric': '1' } } },
      'spec.task.inputs.enable-metric',
      '"1" is neither "true" nor "false"; write one of them',
    ],
    [
      'a sanitize that is neither on nor off',
      'webhook',
      { target: undefined, task: { name: 'cluster-backup', inputs: { sanitize: 'yes' } } },
      'spec.task.inputs.sanitize',
      '"yes" is neither "true" nor "false"; write one of them',
    ],
    [
      'a Pushgateway without a scheme',
      'webhook',
      {
        target: undefined,
        task: { name: 'cluster-backup', inputs: { enableMetric: 'true', pushgatewayURL: 'gateway:9091' } },
      },
      'spec.task.inputs.pushgatewayURL',
      '"gateway:9091" is no http or https URL; write it as http://pushgateway.monitoring:9091',
    ],
    [
      'a Pushgateway with a password',
      'webhook',
      {
        target: undefined,
        task: { name: 'cluster-backup', inputs: { pushgatewayURL: 'https://me:secret@gateway:9091' } },
      },
      'spec.task.inputs.pushgatewayURL',
      '"https://…@gateway:9091" has a user or a password in it, which whoever may read pods would see; take them out',
    ],
    [
      'a workload without directories',
      'CEL',
      { target: { directories: undefined } },
      'spec.target',
      'what is backed up of a workload, and restored, is named by directory; write directories',
    ],
    [
      'a kind of another API version',
      'CEL',
      { target: { ref: { ...claim, apiVersion: 'apps/v1' } } },
      'spec.target.ref',
      'the kind is not of this apiVersion; write apps/v1 for a workload, v1 for a PersistentVolumeClaim',
    ],
    [
      'a container of a claim',
      'CEL',
      { ...ofClaim, target: { ref: claim, directories: undefined, container: 'app' } },
      'spec.target',
      'container is for workloads alone, whose containers may differ in their mounts; take it out',
    ],
    [
      'a mountPath of a workload',
      'CEL',
      { target: { mountPath: '/source/data' } },
      'spec.target',
      'mountPath is for a PersistentVolumeClaim alone, since nothing else is mounted; take it out',
    ],
    [
      'a mountPath that is relative',
      'schema',
      { ...ofClaim, target: { ref: claim, directories: undefined, mountPath: 'data' } },
      'spec.target.mountPath',
      '"data" does not have the right form; write the path from the root, such as /source/data',
    ],
    [
      'a mountPath with ".."',
      'CEL',
      { ...ofClaim, target: { ref: claim, directories: undefined, mountPath: '/data/../etc' } },
      'spec.target.mountPath',
      'a path is written without "." and ".."; write it from the root, such as /source/data',
    ],
    [
      'a mountPath over what the steps of a task leave each other',
      'webhook',
      { ...ofClaim, target: { ref: claim, directories: undefined, mountPath: '/tmp' } },
      'spec.target.mountPath',
      '"/tmp" meets /tmp/restic, which the pod of a task has for itself; choose another path such as /stash/data',
    ],
    [
      'a directory that is not in the claim',
      'webhook',
      { ...ofClaim, target: { ref: claim, directories: ['/source/data'] } },
      'spec.target.directories[0]',
      '"/source/data" is not in the claim, which is mounted at /stash/data; write a path in it, or another mountPath',
    ],
    [
      'directories of a database',
      'CEL',
      { ...ofClaim, target: { ref: binding, directories: ['/var/lib/postgresql'] } },
      'spec.target',
      'an AppBinding has no directories: its task knows what it is made of; take directories out',
    ],
    [
      'files of a database that are left out',
      'CEL',
      { ...ofClaim, target: { ref: binding, directories: undefined, exclude: ['*.tmp'] } },
      'spec.target',
      'an AppBinding has no files that could be left out; take exclude out',
    ],
    [
      'a ServiceAccount for a workload',
      'CEL',
      { runtimeSettings: { pod: { serviceAccountName: 'backup' } } },
      'spec',
      'serviceAccountName and nodeSelector are for the pod of a task; a workload has its own; take them out',
    ],
    [
      'a ServiceAccount with a name that none can have',
      'webhook',
      { ...ofClaim, target: undefined, runtimeSettings: { pod: { serviceAccountName: 'a..b' } } },
      'spec.runtimeSettings.pod.serviceAccountName',
      '"a..b" is the name of no object',
    ],
    [
      'a priority for the processes of a task',
      'CEL',
      { ...ofClaim, target: undefined, runtimeSettings: { container: { nice: { adjustment: 5 } } } },
      'spec',
      'nice is for the agent of a workload; take it out, and limit the cpu of a task by resources',
    ],
    [
      'a kind that has no pods of its own',
      'schema',
      { target: { ref: { kind: 'CronJob' } } },
      'spec.target.ref.kind',
      '"CronJob" is not possible; choose Deployment',
    ],
    [
      'an old API version',
      'schema',
      { target: { ref: { apiVersion: 'extensions/v1beta1' } } },
      'spec.target.ref.apiVersion',
      '"extensions/v1beta1" is not possible; choose apps/v1',
    ],
    [
      'no directory',
      'schema',
      { target: { directories: [] } },
      'spec.target.directories',
      '[] is not enough; write at least one entry',
    ],
    [
      'more directories than there may be',
      'schema',
      { target: { directories: Array.from({ length: 33 }, (_, index) => `/d/${index}`) } },
      'spec.target.directories',
      'is too much; write 32 entries or less',
    ],
    [
      'a relative directory',
      'schema',
      { target: { directories: ['data'] } },
      'spec.target.directories[0]',
      '"data" does not have the right form; write the path from the root',
    ],
    [
      'the root as a directory',
      'schema',
      { target: { directories: ['/'] } },
      'spec.target.directories[0]',
      '"/" does not have the right form; write the path from the root',
    ],
    [
      'a directory with ".."',
      'CEL',
      { target: { directories: ['/data/../etc'] } },
      'spec.target.directories[0]',
      'a directory is written without "." and ".."; write the path from the root',
    ],
    [
      'a directory that is there twice',
      'schema',
      { target: { directories: ['/a', '/a'] } },
      'spec.target.directories[1]',
      '"/a" stands at spec.target.directories[0] already; take one of them out',
    ],
    [
      'a directory that is there twice, in two spellings',
      'webhook',
      { target: { directories: ['/a', '/a/'] } },
      'spec.target.directories[1]',
      '"/a/" is the directory that stands at spec.target.directories[0] already; take one of them out',
    ],
    [
      'a directory of the agent',
      'webhook',
      { target: { directories: ['/stash/scratch'] } },
      'spec.target.directories[0]',
      '"/stash/scratch" meets /stash, which the agent has for itself; mount the data at another path',
    ],
    [
      'a directory of the kernel',
      'webhook',
      { target: { directories: ['/proc/1'] } },
      'spec.target.directories[0]',
      '"/proc/1" meets /proc, which the agent has for itself',
    ],
    [
      'a pattern that is none',
      'webhook',
      { target: { exclude: ['*.tmp', 'cache[0-9'] } },
      'spec.target.exclude[1]',
      '"cache[0-9" is no pattern: a "[" opens a class that is empty or not closed',
    ],
    [
      'a retention policy that keeps nothing',
      'CEL',
      { retentionPolicy: { prune: true } },
      'spec.retentionPolicy',
      'a retention policy that keeps nothing would remove every snapshot; set keepLast or another keep…',
    ],
    [
      'a retention policy that keeps tags alone',
      'CEL',
      { retentionPolicy: { keepTags: ['release'] } },
      'spec.retentionPolicy',
      'a retention policy that keeps nothing would remove every snapshot',
    ],
    [
      'a policy that keeps the last none',
      'schema',
      { retentionPolicy: { keepLast: 0 } },
      'spec.retentionPolicy.keepLast',
      '0 is too small; write 1 or more',
    ],
    [
      'two tags in one',
      'schema',
      { retentionPolicy: { keepLast: 1, keepTags: ['a,b'] } },
      'spec.retentionPolicy.keepTags[0]',
      '"a,b" does not have the right form; write one tag without commas',
    ],
    [
      'a timeout in days',
      'schema',
      { timeout: '1d' },
      'spec.timeout',
      '"1d" does not have the right form; write a duration such as 90s, 1h30m or 24h',
    ],
    ['no time at all', 'webhook', { timeout: '0s' }, 'spec.timeout', '"0s" is too short; write 1s or more'],
    [
      'a timeout of years',
      'webhook',
      { timeout: '99999h' },
      'spec.timeout',
      '"99999h" is too long; write 8784h (a year) or less',
    ],
    [
      'a startingDeadline that nothing can meet',
      'webhook',
      { startingDeadline: '1ms' },
      'spec.startingDeadline',
      '"1ms" is too short; write 1s or more',
    ],
    [
      'a history of less than nothing',
      'schema',
      { backupHistoryLimit: -1 },
      'spec.backupHistoryLimit',
      '-1 is too small; write 0 or more',
    ],
    [
      'a rollout that is none',
      'schema',
      { rollout: 'Never' },
      'spec.rollout',
      '"Never" is not possible; choose Automatic or OnNextUpdate',
    ],
    [
      'retries without end',
      'schema',
      { retry: { limit: 1000 } },
      'spec.retry.limit',
      '1000 is too large; write 10 or less',
    ],
    [
      'retries without a pause',
      'webhook',
      { retry: { limit: 1, delay: '0s' } },
      'spec.retry.delay',
      '"0s" is too short; write 1s or more',
    ],
    [
      'settings that say nothing',
      'schema',
      { runtimeSettings: { container: {} } },
      'spec.runtimeSettings.container',
      '{} is not enough; write at least 1 of resources, securityContext, env, nice',
    ],
    [
      'a field of a container that is not ours to set',
      'schema',
      { runtimeSettings: { container: { securityContext: { privileged: true } } } },
      'spec.runtimeSettings.container.securityContext.privileged',
      'is not a field; there are runAsGroup, runAsNonRoot, runAsUser',
    ],
    [
      'an amount that is none',
      'schema',
      { runtimeSettings: { container: { resources: { limits: { memory: 'much' } } } } },
      'spec.runtimeSettings.container.resources.limits.memory',
      '"much" does not have the right form; write an amount such as 100m, 64Mi or 1Gi',
    ],
    [
      'a request above its limit',
      'webhook',
      { runtimeSettings: { container: { resources: { requests: { cpu: 2 }, limits: { cpu: '1' } } } } },
      'spec.runtimeSettings.container.resources.requests.cpu',
      '2 is more than the limit of "1"; write that much or less',
    ],
    [
      'root that is not root',
      'webhook',
      { runtimeSettings: { container: { securityContext: { runAsUser: 0, runAsNonRoot: true } } } },
      'spec.runtimeSettings.container.securityContext.runAsUser',
      '0 is root, which runAsNonRoot forbids; take one of them out',
    ],
    [
      "the repository's own variable",
      'CEL',
      { runtimeSettings: { container: { env: [{ name: 'RESTIC_PASSWORD_COMMAND', value: 'cat' }] } } },
      'spec.runtimeSettings.container.env[0].name',
      "of restic's own, take RESTIC_COMPRESSION",
    ],
    ...['NODE_OPTIONS', 'KUBERNETES_SERVICE_HOST', 'POD_UID', 'LD_PRELOAD', 'BASH_ENV', 'IFS', 'PGHOST'].map(
      (name): Row => [
        `${name}, by which a program would do something else`,
        'CEL',
        { runtimeSettings: { container: { env: [{ name, value: '/tmp/restic/x' }] } } },
        'spec.runtimeSettings.container.env[0].name',
        'it turns programs to other code or another server; take it out',
      ],
    ),
    [
      'a priority above others',
      'schema',
      { runtimeSettings: { container: { nice: { adjustment: -5 } } } },
      'spec.runtimeSettings.container.nice.adjustment',
      '-5 is too small; write 0 or more',
    ],
    [
      'a pull secret without a name',
      'schema',
      { runtimeSettings: { pod: { imagePullSecrets: [{}] } } },
      'spec.runtimeSettings.pod.imagePullSecrets[0].name',
      'is missing; Name of the Secret',
    ],
  ]),
  ...of(BACKUP_CONFIGURATION, [
    [
      'a hook that does two things',
      'CEL',
      { hooks: { preBackup: { exec: { command: ['sync'] }, tcpSocket: { port: 80 } } } },
      'spec.hooks.preBackup',
      'a hook does one thing; write one of exec, httpGet, httpPost and tcpSocket',
    ],
    [
      'a hook on a port that there is not',
      'CEL',
      { hooks: { postBackup: { tcpSocket: { port: 65_536 } } } },
      'spec.hooks.postBackup.tcpSocket.port',
      'no such port; write a number from 1 to 65535, or the name of a port of the container',
    ],
    [
      'hooks beside a task',
      'CEL',
      {
        task: { name: 'cluster-backup' },
        target: undefined,
        hooks: { preBackup: { tcpSocket: { port: 80 } } },
      },
      'spec',
      'hooks run in the pods of a workload, or in the pod that has a claim mounted, and an AppBinding and the cluster have none; take hooks out, and let a Function of the task do it',
    ],
    [
      'a hook of which a workload would wait for a day',
      'webhook',
      { hooks: { preBackup: { exec: { command: ['sync'] }, timeout: '24h' } } },
      'spec.hooks.preBackup.timeout',
      '"24h" is too long; write 1h or less',
    ],
    [
      'a hook in the container that has the credentials',
      'webhook',
      { hooks: { preBackup: { exec: { command: ['env'] }, containerName: 'stash' } } },
      'spec.hooks.preBackup.containerName',
      '"stash" is a container of Stash; name one of the application',
    ],
  ]),
  ...of(BACKUP_SESSION, [
    [
      'no configuration',
      'schema',
      { backupConfiguration: undefined },
      'spec.backupConfiguration',
      'is missing; The BackupConfiguration that this session runs',
    ],
    [
      'a configuration with a name that ends in a dot',
      'schema',
      { backupConfiguration: { name: 'shop.' } },
      'spec.backupConfiguration.name',
      '"shop." does not have the right form; a name has lower-case letters',
    ],
    [
      'a configuration with a name that none can have',
      'webhook',
      { backupConfiguration: { name: 'a.-b' } },
      'spec.backupConfiguration.name',
      '"a.-b" is the name of no object, because of "-b"',
    ],
  ]),
  ...of(RESTORE_SESSION, [
    [
      'a source with a kind and no name',
      'CEL',
      { source: { kind: 'Deployment' } },
      'spec.source',
      'a source is named by its kind and its name; write both or neither',
    ],
    [
      'a source that says nothing',
      'schema',
      { source: {} },
      'spec.source',
      '{} is not enough; write at least 1 of namespace, kind, name, backupConfiguration',
    ],
    [
      'a kind in small letters',
      'schema',
      { source: { kind: 'deployment', name: 'shop' } },
      'spec.source.kind',
      '"deployment" does not have the right form; write a kind such as Deployment',
    ],
    [
      'include and exclude',
      'CEL',
      { include: ['*.sql'], exclude: ['*.tmp'] },
      'spec',
      'restic restores by include or by exclude; write one of them',
    ],
    [
      'a pattern of a part that is none',
      'webhook',
      { include: ['data\\'] },
      'spec.include[0]',
      '"data\\\\" is no pattern: it ends with a "\\" that escapes nothing',
    ],
    [
      'a mode that is none',
      'schema',
      { mode: 'Merge' },
      'spec.mode',
      '"Merge" is not possible; choose Overlay or Exact',
    ],
    [
      'a rule by id and by time',
      'CEL',
      { rules: [{ snapshots: ['40dc1520'], before: '2026-11-22T18:00:00Z' }] },
      'spec.rules[0]',
      'snapshots are chosen by id or by time; write snapshots or before, not both',
    ],
    [
      'a rule that says nothing',
      'CEL',
      { rules: [{ targetHosts: ['host-0'] }] },
      'spec.rules[0]',
      'a rule says which snapshots are taken; write sourceHost, snapshots or before',
    ],
    [
      'two rules for all other hosts',
      'CEL',
      { rules: [{ sourceHost: 'host-0' }, { sourceHost: 'host-1' }] },
      'spec.rules',
      'one rule at most may leave targetHosts out',
    ],
    [
      'a host in two rules',
      'CEL',
      {
        rules: [
          { targetHosts: ['host-0'], sourceHost: 'host-1' },
          { targetHosts: ['host-1', 'host-0'], sourceHost: 'host-2' },
        ],
      },
      'spec.rules',
      'a host is named by one rule at most; take it out of the others',
    ],
    [
      'a snapshot that is too short to be one',
      'schema',
      { rules: [{ snapshots: ['40dc'] }] },
      'spec.rules[0].snapshots[0]',
      '"40dc" does not have the right form; write the id as restic or a session shows it',
    ],
    [
      'the newest, as an id',
      'schema',
      { rules: [{ snapshots: ['latest'] }] },
      'spec.rules[0].snapshots[0]',
      '"latest" does not have the right form',
    ],
    [
      'an instant in words',
      'schema',
      { rules: [{ before: 'yesterday' }] },
      'spec.rules[0].before',
      '"yesterday" is no date-time; write an instant such as 2026-11-22T18:00:00Z',
    ],
    ['no target', 'schema', { target: undefined }, 'spec.target', 'is missing; What to restore into'],
    [
      'a task for a workload',
      'CEL',
      { task: { name: 'volume-recovery' } },
      'spec',
      "a workload's own pods do the work, and no task; take task out",
    ],
    [
      'a database without a task',
      'CEL',
      { target: { ref: binding, directories: undefined } },
      'spec',
      'a PersistentVolumeClaim or an AppBinding takes a task that does the work; write task.name',
    ],
    [
      'a part of a database',
      'CEL',
      { ...ofClaim, target: { ref: binding, directories: undefined }, include: ['*.sql'] },
      'spec',
      'include, exclude and mode Exact are about files, and an AppBinding has none; take them out',
    ],
    [
      'settings for an init container',
      'CEL',
      { runtimeSettings: { container: { env: [{ name: 'GOMAXPROCS', value: '1' }] } } },
      'spec',
      'an init container is run as its workload is; take runtimeSettings out, which are for the pod of a task',
    ],
    [
      'a request above its limit',
      'webhook',
      {
        ...ofClaim,
        target: { ref: claim, directories: undefined },
        runtimeSettings: { container: { resources: { requests: { cpu: 2 }, limits: { cpu: '1' } } } },
      },
      'spec.runtimeSettings.container.resources.requests.cpu',
      '2 is more than the limit of "1"; write that much or less',
    ],
    [
      'a switch that is neither on nor off',
      'webhook',
      {
        ...{ task: { name: 'volume-recovery', inputs: { enableMetric: 'on' } } },
        target: { ref: claim, directories: undefined },
      },
      'spec.task.inputs.enableMetric',
      '"on" is neither "true" nor "false"; write one of them',
    ],
    ['no patience', 'webhook', { timeout: '1ms' }, 'spec.timeout', '"1ms" is too short; write 1s or more'],
  ]),
  ...of(FUNCTION, [
    ['no image', 'schema', { image: undefined }, 'spec.image', 'is missing; The image of the container'],
    [
      'white space in its image',
      'webhook',
      { image: 'tool v1' },
      'spec.image',
      '"tool v1" has white space in it, as no image has',
    ],
    [
      'a container with a name that none can have',
      'webhook',
      { name: 'Postgres_Tool' },
      'spec.name',
      '"Postgres_Tool" is the name of no container; write up to 63 lower-case letters',
    ],
    [
      'a name that is too long',
      'schema',
      { name: long(64) },
      'spec.name',
      'is too much; write 63 characters or less',
    ],
    [
      'a variable that is not closed',
      'webhook',
      { args: ['backup', '--path=${repoDir'] },
      'spec.args[1]',
      '"${repoDir" is no variable; write ${name} or ${name:=default}, or $${ where the characters',
    ],
    [
      "a shell's default",
      'webhook',
      { args: ['${path:-/data}'] },
      'spec.args[0]',
      '"${path:-/data}" is no variable; write ${name}',
    ],
    [
      'a default that is a variable',
      'webhook',
      { args: ['${path:=${other}}'] },
      'spec.args[0]',
      'the default of "path" has a variable in it',
    ],
    [
      'a default in parentheses',
      'webhook',
      { args: ['$(path:=/data)'] },
      'spec.args[0]',
      '"$(path:=/data)" is no variable; a default is written with braces',
    ],
    [
      'a variable that it does not declare',
      'webhook',
      { inputs: { table: {} }, args: ['${table}', '${tabel}'] },
      'spec.args[1]',
      'the variable ${tabel} is found nowhere; declare it in spec.inputs, or write a default',
    ],
    [
      'an input twice',
      'webhook',
      { inputs: { outDir: {}, 'out-dir': {} } },
      'spec.inputs.outDir',
      'is the same name as out-dir, which stands there too; take one of them out',
    ],
    [
      'an input with a name that no variable can have',
      'webhook',
      { inputs: { 'my table': {} } },
      'spec.inputs.my table',
      'is no name of a variable; write letters, digits',
    ],
    [
      'a pattern that cannot be read',
      'webhook',
      { inputs: { table: { schema: { pattern: '^(a+' } } } },
      'spec.inputs.table.schema.pattern',
      'cannot be read: a "(" is not closed',
    ],
    [
      'a pattern that looks ahead',
      'webhook',
      { inputs: { table: { schema: { pattern: '(?=a)' } } } },
      'spec.inputs.table.schema.pattern',
      'cannot be read: a "(?" is not possible but in "(?:"',
    ],
    [
      'a pattern that repeats too much',
      'webhook',
      { inputs: { table: { schema: { pattern: '((a{1,100}){1,100}){1,100}' } } } },
      'spec.inputs.table.schema.pattern',
      'cannot be read: it repeats too much; write smaller numbers',
    ],
    [
      'a default that does not fit',
      'webhook',
      { inputs: { jobs: { default: 'four', schema: { type: 'integer' } } } },
      'spec.inputs.jobs.default',
      '"four" is no integer',
    ],
    [
      'a type that no value has',
      'schema',
      { inputs: { jobs: { schema: { type: 'object' } } } },
      'spec.inputs.jobs.schema.type',
      '"object" is not possible; choose string or integer or number or boolean',
    ],
    [
      'bounds of a text that are those of a number',
      'webhook',
      { inputs: { table: { schema: { minimum: 1 } } } },
      'spec.inputs.table.schema.minimum',
      'says nothing of a string; take it out, or choose another type',
    ],
    [
      'a keyword that is none of ours',
      'schema',
      { inputs: { table: { schema: { $ref: '#' } } } },
      'spec.inputs.table.schema.$ref',
      'is not a field; there are type, enum, pattern',
    ],
    [
      'two volumes at one path',
      'webhook',
      {
        volumeMounts: [
          { name: '${tmpVolumeName}', mountPath: '/data' },
          { name: '${secretName}', mountPath: '/data' },
        ],
      },
      'spec.volumeMounts[1].mountPath',
      '"/data" stands at spec.volumeMounts[0] already; take one of them out',
    ],
    [
      'a path with a colon',
      'webhook',
      { volumeMounts: [{ name: '${tmpVolumeName}', mountPath: '/a:b' }] },
      'spec.volumeMounts[0].mountPath',
      '"/a:b" has a ":" in it, which no mountPath may have',
    ],
    [
      'a subPath that leads out',
      'webhook',
      { volumeMounts: [{ name: '${tmpVolumeName}', mountPath: '/a', subPath: '../b' }] },
      'spec.volumeMounts[0].subPath',
      '"../b" leads out of the volume; write a relative path without ".."',
    ],
    [
      'a variable of the environment twice',
      'webhook',
      {
        runtimeSettings: {
          env: [
            { name: 'A', value: '1' },
            { name: 'A', value: '2' },
          ],
        },
      },
      'spec.runtimeSettings.env[1].name',
      '"A" stands there twice; take one of them out',
    ],
    [
      'a variable of the environment that stands too late',
      'webhook',
      {
        inputs: {},
        runtimeSettings: {
          env: [
            { name: 'A', value: '$(B)' },
            { name: 'B', value: '2' },
          ],
        },
      },
      'spec.runtimeSettings.env[0].value',
      'the environment variable of that name does not stand before this one',
    ],
    [
      'a variable of the environment where none is expanded',
      'webhook',
      { inputs: {}, workingDir: '$(HOME_DIR)', runtimeSettings: { env: [{ name: 'HOME_DIR', value: '/' }] } },
      'spec.workingDir',
      'Kubernetes expands environment variables in command, args, subPathExpr and the values of env alone',
    ],
    [
      'a variable of the environment with two values',
      'webhook',
      {
        runtimeSettings: {
          env: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        },
      },
      'spec.runtimeSettings.env[0].valueFrom',
      'stands beside value; take one of them out',
    ],
    [
      'a variable of the environment from two sources',
      'webhook',
      {
        runtimeSettings: {
          env: [
            {
              name: 'A',
              valueFrom: {
                secretKeyRef: { name: 'a', key: 'a' },
                configMapKeyRef: { name: 'a', key: 'a' },
              },
            },
          ],
        },
      },
      'spec.runtimeSettings.env[0].valueFrom',
      'needs one source, and has configMapKeyRef and secretKeyRef',
    ],
    [
      'a Secret that no Secret can be',
      'webhook',
      {
        runtimeSettings: {
          env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'My_Secret', key: 'a' } } }],
        },
      },
      'spec.runtimeSettings.env[0].valueFrom.secretKeyRef.name',
      '"My_Secret" is the name of no object',
    ],
    [
      'a key that no Secret has',
      'webhook',
      { runtimeSettings: { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: 'a/b' } } }] } },
      'spec.runtimeSettings.env[0].valueFrom.secretKeyRef.key',
      '"a/b" is no key; write letters, digits',
    ],
    [
      "the repository's own variable",
      'webhook',
      { runtimeSettings: { env: [{ name: 'RESTIC_REPOSITORY', value: '/elsewhere' }] } },
      'spec.runtimeSettings.env[0].name',
      'RESTIC_REPOSITORY is set by Stash, from the Repository; take it out',
    ],
    [
      'a request above its limit',
      'webhook',
      { runtimeSettings: { resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } } },
      'spec.runtimeSettings.resources.requests.memory',
      '"2Gi" is more than the limit, "1Gi"; raise that, or ask for less',
    ],
    [
      'an amount that is none',
      'schema',
      { runtimeSettings: { resources: { limits: { memory: 'much' } } } },
      'spec.runtimeSettings.resources.limits.memory',
      '"much" does not have the right form; write an amount such as 100m, 64Mi or 1Gi',
    ],
    [
      'root that is not root',
      'webhook',
      { runtimeSettings: { securityContext: { runAsUser: 0, runAsNonRoot: true } } },
      'spec.runtimeSettings.securityContext.runAsUser',
      '0 is root, which runAsNonRoot rules out',
    ],
    [
      'a privilege that does not escalate',
      'webhook',
      { runtimeSettings: { securityContext: { privileged: true, allowPrivilegeEscalation: false } } },
      'spec.runtimeSettings.securityContext.allowPrivilegeEscalation',
      'is false beside privileged or the capability SYS_ADMIN, which escalate; take one of them out',
    ],
  ]),
  ...of(TASK, [
    ['no Function', 'schema', { functions: [] }, 'spec.functions', '[] is not enough'],
    [
      'a Function with a name that none can have',
      'schema',
      { functions: [{ name: 'pg_backup' }] },
      'spec.functions[0].name',
      '"pg_backup" does not have the right form; write the name of a Function, such as pg-backup',
    ],
    [
      'an input that is no text',
      'schema',
      { functions: [{ name: 'pg-backup', inputs: { jobs: 4 } }] },
      'spec.functions[0].inputs.jobs',
      '4 is no string',
    ],
    [
      'a switch that is neither on nor off',
      'webhook',
      { functions: [{ name: 'pg-backup', inputs: { enableMetric: '$${x}' } }] },
      'spec.functions[0].inputs.enableMetric',
      '"${x}" is neither "true" nor "false"; write one of them',
    ],
  ]),
  ...of(APP_BINDING, [
    [
      'neither a URL nor a Service',
      'CEL',
      { clientConfig: { service: undefined } },
      'spec.clientConfig',
      'name one of url and service',
    ],
    [
      'credentials in its URL',
      'CEL',
      { clientConfig: { service: undefined, url: 'postgres://me:secret@db:5432' } },
      'spec.clientConfig.url',
      'a URL carries no credentials; write them into the Secret',
    ],
    [
      'a port that is none',
      'schema',
      { clientConfig: { service: { port: 0 } } },
      'spec.clientConfig.service.port',
      '0 is too small; write 1 or more',
    ],
  ]),
];
