import type { AppBinding } from '../api/app-binding.ts';
import { quoted } from '../api/problem.ts';
import { faultOfPushgateway } from '../api/pushgateway-url.ts';
import type { Repository } from '../api/repository.ts';
import { OUTPUT_DIR, TEMPORARY_VOLUME } from './layout.ts';
import { kebab } from './names.ts';
import type { TaskRun } from './run.ts';
import type { Value, Values } from './values.ts';

/** Of the retention policy, as its fields are called. */
const KEEPS = [
  ...['keepLast', 'keepHourly', 'keepDaily', 'keepWeekly', 'keepMonthly', 'keepYearly', 'keepTags'],
] as const;

/** What an AppBinding says. */
const OF_BINDING = [
  ...['databaseSecret', 'host', 'port', 'databaseScheme', 'databaseQuery'],
  ...['caBundle', 'insecureSkipTLSVerify'],
] as const;

/** What a session always provides. A user may not say otherwise, or could name another's Secret or prefix. */
const FIXED = [
  ...['namespace', 'kind', 'name', 'target.kind', 'target.namespace', 'target.name'],
  ...['provider', 'bucket', 'prefix', 'endpoint', 'repoName', 'secretName'],
  ...['hostname', 'backupSessionName', 'recoveryConfigurationName'],
  ...['retentionPolicyName', 'retentionPolicyValue', ...KEEPS],
  ...['directories', 'mountPath', ...OF_BINDING],
  ...['tmpVolumeName', 'outputVolumeName', 'outputDir'],
] as const;

/** What it always provides too, and a user may set. */
const SETTABLE = ['enableMetric', 'pushgatewayURL', 'sanitize', 'database', 'databases'] as const;

type Name = (typeof FIXED)[number] | (typeof SETTABLE)[number];

/** The names that a session provides, as they are written in the documentation. */
export const PROVIDED: readonly Name[] = [...FIXED, ...SETTABLE];

const fixed: ReadonlySet<string> = new Set(FIXED.map(kebab));

/** Whether `name` is one that the session alone may give a value. */
export function isReserved(name: string): boolean {
  return fixed.has(kebab(name));
}

/** Of what a user may set, what the text has to be. The steps read it when the data is already dumped, or up in the repository. */
const forms: ReadonlyMap<string, (text: string) => string | undefined> = new Map([
  [kebab('enableMetric'), faultOfSwitch],
  [kebab('sanitize'), faultOfSwitch],
  [kebab('pushgatewayURL'), faultOfPushgateway],
]);

/** What is wrong with `text` as the value of `name`, and what to do, as a clause; an empty text says nothing, and is never wrong. */
export function faultOfSettable(name: string, text: string): string | undefined {
  return text === '' ? undefined : forms.get(kebab(name))?.(text);
}

function faultOfSwitch(text: string): string | undefined {
  if (text === 'true' || text === 'false') return undefined;
  return `${quoted(text)} is neither "true" nor "false"; write one of them`;
}

/** What the session of `run` provides: every name, empty where there is nothing to say, and what its user adds. */
export function providedBy(run: TaskRun): Values {
  const { session, target, repository, hostname, retentionPolicy = {}, metrics = {}, inputs = {} } = run;
  const { provider, bucket, prefix, endpoint } = addressOf(repository);
  const isClaim = target?.ref.kind === 'PersistentVolumeClaim';
  const targetName: Value = { text: target?.ref.name ?? '', ...(isClaim && { volume: 'claim' as const }) };
  const temporary: Value = { text: TEMPORARY_VOLUME, volume: 'temporary' };
  const own: Record<Name, string | Value> = {
    namespace: session.namespace,
    kind: target?.ref.kind ?? '',
    name: targetName,
    'target.kind': target?.ref.kind ?? '',
    'target.namespace': target === undefined ? '' : session.namespace,
    'target.name': targetName,
    provider,
    bucket,
    prefix,
    endpoint,
    repoName: repository.metadata.name,
    secretName: { text: repository.spec.backend.storageSecretName, volume: 'secret' },
    hostname,
    backupSessionName: session.kind === 'BackupSession' ? session.name : '',
    recoveryConfigurationName: session.kind === 'RestoreSession' ? session.name : '',
    retentionPolicyName: retentionPolicy.name ?? '',
    retentionPolicyValue: KEEPS.filter((keep) => retentionPolicy[keep] !== undefined)
      .map((keep) => `${keep}=${textOf(retentionPolicy[keep])}`)
      .join(';'),
    ...(Object.fromEntries(KEEPS.map((keep) => [keep, textOf(retentionPolicy[keep])])) as Record<
      (typeof KEEPS)[number],
      string
    >),
    directories: textOf(target?.directories),
    mountPath: target?.mountPath ?? '',
    ...databaseOf(run.appBinding),
    tmpVolumeName: temporary,
    outputVolumeName: temporary,
    outputDir: OUTPUT_DIR,
    enableMetric: textOf(metrics.enableMetric),
    pushgatewayURL: metrics.pushgatewayURL ?? '',
    sanitize: '',
    database: '',
    databases: '',
  };
  const values = new Map<string, Value>();
  for (const [name, value] of Object.entries(own)) {
    values.set(kebab(name), typeof value === 'string' ? { text: value } : value);
  }
  for (const [name, text] of Object.entries(inputs)) {
    if (!isReserved(name)) values.set(kebab(name), { text });
  }
  return withDatabaseTwice(values);
}

/** What stands for all of it where there is no session yet, and for `more` that a user may give. */
export function openValues(more: Iterable<string>): Values {
  const values = new Map<string, Value>();
  for (const name of [...PROVIDED, ...more]) values.set(kebab(name), { text: kebab(name), isOpen: true });
  for (const name of ['tmp-volume-name', 'output-volume-name']) {
    values.set(name, { text: TEMPORARY_VOLUME, volume: 'temporary' });
  }
  for (const name of ['name', 'target.name'])
    values.set(name, { text: 'target', volume: 'claim', isOpen: true });
  values.set('secret-name', { text: 'secret', volume: 'secret', isOpen: true });
  return values;
}

/** What a Repository says. As what an AppBinding says, it may be changed, or not be there yet. */
const ELSEWHERE = ['provider', 'bucket', 'prefix', 'endpoint', 'secretName'] as const;
const OF_INSTALLATION = ['enableMetric', 'pushgatewayURL'] as const;

/** What a session will provide that is made from `run`, whose own name is not known yet; what other objects say is open. */
export function expectedBy(run: TaskRun): Values {
  const { session, target, inputs = {} } = run;
  const given = new Set(Object.keys(inputs).map(kebab));
  const open: Name[] = [
    ...ELSEWHERE,
    session.kind === 'BackupSession' ? 'backupSessionName' : 'recoveryConfigurationName',
    ...(target?.ref.kind === 'AppBinding' ? OF_BINDING : []),
    ...OF_INSTALLATION.filter((name) => !given.has(kebab(name))),
  ];
  const values = new Map(providedBy(run));
  for (const name of open.map(kebab)) values.set(name, { text: '', ...values.get(name), isOpen: true });
  return values;
}

/** Two names of one thing: whoever sets one sets the other, unless it says something else. */
function withDatabaseTwice(values: Map<string, Value>): Values {
  const database = values.get('database');
  const databases = values.get('databases');
  if (database?.text === '' && databases !== undefined) values.set('database', databases);
  if (databases?.text === '' && database !== undefined) values.set('databases', database);
  return values;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.join(',') : String(value);
}

interface RemoteAddress {
  bucket?: string;
  container?: string;
  prefix?: string;
  endpoint?: string;
  url?: string;
  subPath?: string;
}

function addressOf({ spec }: Repository): Record<'provider' | 'bucket' | 'prefix' | 'endpoint', string> {
  const { storageSecretName: _, ...backends } = spec.backend;
  const [provider = '', address = {}] =
    Object.entries<RemoteAddress | undefined>(backends).find(([, backend]) => backend !== undefined) ?? [];
  const { bucket, container, prefix, subPath, endpoint, url } = address;
  return {
    provider,
    bucket: bucket ?? container ?? '',
    prefix: prefix ?? subPath ?? '',
    endpoint: endpoint ?? url ?? '',
  };
}

function databaseOf(binding: AppBinding | undefined): Record<(typeof OF_BINDING)[number], string> {
  const databaseSecret = binding?.spec.secret?.name ?? '';
  const { service, url, caBundle = '', insecureSkipTLSVerify } = binding?.spec.clientConfig ?? {};
  const tls = { caBundle, insecureSkipTLSVerify: textOf(insecureSkipTLSVerify) };
  if (service !== undefined) {
    return {
      databaseSecret,
      host: `${service.name}.${binding?.metadata.namespace ?? ''}.svc`,
      port: String(service.port),
      databaseScheme: service.scheme ?? '',
      databaseQuery: service.query ?? '',
      ...tls,
    };
  }
  const [, scheme = '', host = '', port = ''] =
    /^([a-z0-9+.-]+):\/\/(\[[^\]]*\]|[^/:?#@]+)(?::(\d+))?/i.exec(url ?? '') ?? [];
  return {
    databaseSecret,
    host: host.replace(/^\[|\]$/g, ''),
    port,
    databaseScheme: scheme,
    databaseQuery: /\?([^#]*)/.exec(url ?? '')?.[1] ?? '',
    ...tls,
  };
}
