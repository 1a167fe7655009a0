import { posix } from 'node:path';
import type { BackendName } from './backend.ts';
import { isJsonObject, parseJson, stringOf } from './json.ts';

/** The keys of a storage Secret and their values. */
export type Secret = ReadonlyMap<string, string>;

/** What restic is told of one backend's credentials. */
interface Credentials {
  /** Keys whose value becomes an environment variable: the key's own name, or another one. */
  readonly variables: Readonly<Record<string, string>>;
  /** Keys whose file is named by an environment variable. */
  readonly files: Readonly<Record<string, string>>;
  /** Keys that suffice together, the usual ones first. */
  readonly sufficient: readonly (readonly string[])[];
  /** Where restic does without: it finds credentials where it runs, or needs none. */
  readonly ambient?: Ambient;
}

interface Ambient {
  /** Keys that it needs all the same. */
  readonly keys: readonly string[];
  /** Variables of the agent's own that lead to the credentials, written into the pod by the cloud's own webhook. */
  readonly variables: readonly string[];
}

const NOTHING: Ambient = { keys: [], variables: [] };

const swiftKeys = [
  ...['ST_AUTH', 'ST_USER', 'ST_KEY'],
  ...['OS_AUTH_URL', 'OS_REGION_NAME', 'OS_USERNAME', 'OS_USER_ID', 'OS_PASSWORD'],
  ...['OS_TENANT_ID', 'OS_TENANT_NAME', 'OS_USER_DOMAIN_NAME', 'OS_USER_DOMAIN_ID'],
  ...['OS_PROJECT_NAME', 'OS_PROJECT_DOMAIN_NAME', 'OS_PROJECT_DOMAIN_ID', 'OS_TRUST_ID'],
  ...['OS_APPLICATION_CREDENTIAL_ID', 'OS_APPLICATION_CREDENTIAL_NAME', 'OS_APPLICATION_CREDENTIAL_SECRET'],
  ...['OS_STORAGE_URL', 'OS_AUTH_TOKEN'],
];

/**
 * @see https://restic.readthedocs.io/en/v0.18.1/040_backup.html#environment-variables
 */
const CREDENTIALS: Record<BackendName, Credentials> = {
  local: { variables: {}, files: {}, sufficient: [], ambient: NOTHING },
  s3: {
    variables: ownNames('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'),
    files: {},
    sufficient: [['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']],
    ambient: {
      keys: [],
      variables: [
        ...['AWS_ROLE_ARN', 'AWS_ROLE_SESSION_NAME', 'AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_REGION'],
        ...['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
        'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
      ],
    },
  },
  gcs: {
    variables: ownNames('GOOGLE_PROJECT_ID', 'GOOGLE_ACCESS_TOKEN'),
    files: { GOOGLE_SERVICE_ACCOUNT_JSON_KEY: 'GOOGLE_APPLICATION_CREDENTIALS' },
    sufficient: [['GOOGLE_SERVICE_ACCOUNT_JSON_KEY'], ['GOOGLE_ACCESS_TOKEN']],
    // Google's metadata server is found without a variable.
    ambient: NOTHING,
  },
  azure: {
    variables: ownNames(
      ...['AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY', 'AZURE_ACCOUNT_SAS', 'AZURE_ENDPOINT_SUFFIX'],
    ),
    files: {},
    sufficient: [
      ['AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY'],
      ['AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_SAS'],
    ],
    ambient: {
      keys: ['AZURE_ACCOUNT_NAME'],
      variables: [
        ...['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE', 'AZURE_AUTHORITY_HOST'],
      ],
    },
  },
  b2: {
    variables: ownNames('B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY'),
    files: {},
    sufficient: [['B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY']],
  },
  swift: {
    variables: ownNames(...swiftKeys),
    files: {},
    sufficient: [
      ['OS_AUTH_URL', 'OS_USERNAME', 'OS_PASSWORD'],
      ['OS_AUTH_URL', 'OS_USER_ID', 'OS_PASSWORD'],
      ['OS_AUTH_URL', 'OS_APPLICATION_CREDENTIAL_ID', 'OS_APPLICATION_CREDENTIAL_SECRET'],
      ['OS_AUTH_URL', 'OS_USERNAME', 'OS_APPLICATION_CREDENTIAL_NAME', 'OS_APPLICATION_CREDENTIAL_SECRET'],
      ['ST_AUTH', 'ST_USER', 'ST_KEY'],
      ['OS_STORAGE_URL', 'OS_AUTH_TOKEN'],
    ],
  },
  rest: {
    variables: {
      REST_SERVER_USERNAME: 'RESTIC_REST_USERNAME',
      REST_SERVER_PASSWORD: 'RESTIC_REST_PASSWORD',
    },
    files: {},
    sufficient: [['REST_SERVER_USERNAME', 'REST_SERVER_PASSWORD']],
    // The server may ask for none.
    ambient: NOTHING,
  },
};

/**
 * The keys that `secret` lacks for `backend`, none where it has enough: those of the set of keys that it comes closest to, or
 * of the usual one. RESTIC_PASSWORD is one for every backend.
 */
export function missingKeys(backend: BackendName, secret: Secret): string[] {
  const password = textOf(secret, 'RESTIC_PASSWORD') === undefined ? ['RESTIC_PASSWORD'] : [];
  return [...password, ...missingCredentials(CREDENTIALS[backend], secret)];
}

function missingCredentials({ sufficient, ambient }: Credentials, secret: Secret): readonly string[] {
  const lackOf = (keys: readonly string[]) => keys.filter((key) => textOf(secret, key) === undefined);
  // One key alone is a mistake, and no sign that credentials are to be found elsewhere.
  const isSign = (key: string) => textOf(secret, key) !== undefined && ambient?.keys.includes(key) !== true;
  const begun = sufficient.filter((keys) => keys.some(isSign));
  if (begun.length === 0 && ambient !== undefined && lackOf(ambient.keys).length === 0) return [];
  if (begun.length === 0) return lackOf(sufficient[0] ?? []);
  const lacks = begun.map(lackOf);
  return lacks.reduce((least, lack) => (lack.length < least.length ? lack : least));
}

/**
 * The variables by which restic has its credentials; a key that no backend of this kind knows is not passed.
 *
 * @param directory - where the Secret is mounted, one file a key
 * @param ambient - the environment of the agent, for where the Secret has no credentials
 */
export function credentialVariables(
  backend: BackendName,
  secret: Secret,
  directory: string,
  ambient: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const { variables, files, sufficient, ambient: elsewhere } = CREDENTIALS[backend];
  const found: Record<string, string> = {};
  for (const [key, variable] of Object.entries(variables)) {
    const value = textOf(secret, key);
    if (value !== undefined) found[variable] = value;
  }
  for (const [key, variable] of Object.entries({ ...files, CA_CERT_DATA: 'RESTIC_CACERT' })) {
    if (textOf(secret, key) !== undefined) found[variable] = posix.join(directory, key);
  }
  if (sufficient.some((keys) => keys.every((key) => textOf(secret, key) !== undefined))) return found;
  for (const name of elsewhere?.variables ?? []) {
    const value = ambient[name];
    if (value !== undefined && value !== '') found[name] = value;
  }
  return found;
}

/**
 * The same without the Secret: environment variables, and the key of each, by value or by the file that it is in. A key that the Secret
 * lacks leaves its variable unset.
 */
export function credentialKeys(backend: BackendName): {
  secretVariables: Record<string, string>;
  secretFiles: Record<string, string>;
} {
  const { variables, files } = CREDENTIALS[backend];
  const byVariable = (keys: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(keys).map(([key, variable]) => [variable, key]));
  return { secretVariables: byVariable(variables), secretFiles: byVariable(files) };
}

/** Keys whose values are names and addresses: a message that may not say them helps nobody. */
const NO_SECRETS = new Set([
  ...['AZURE_ACCOUNT_NAME', 'AZURE_ENDPOINT_SUFFIX', 'GOOGLE_PROJECT_ID', 'CA_CERT_DATA'],
  ...['ST_AUTH', 'OS_AUTH_URL', 'OS_STORAGE_URL', 'OS_REGION_NAME', 'OS_TENANT_NAME', 'OS_PROJECT_NAME'],
  ...['OS_USER_DOMAIN_NAME', 'OS_PROJECT_DOMAIN_NAME'],
]);

/** Members of a key in JSON that are secret by themselves. */
const SECRET_MEMBERS = ['private_key', 'private_key_id', 'client_secret', 'refresh_token'];

/** What of `secret` must not appear in a message: every value, of keys that we know and of others, except names and addresses. */
export function secretValues(secret: Secret): string[] {
  const values = [...secret].filter(([key]) => !NO_SECRETS.has(key)).map(([, value]) => value);
  return [...values, ...values.flatMap(membersOf)];
}

function membersOf(value: string): string[] {
  if (!value.trimStart().startsWith('{')) return [];
  const members = parseJson(value);
  if (!isJsonObject(members)) return [];
  return SECRET_MEMBERS.flatMap((name) => stringOf(members, name) ?? []);
}

/** `kubectl create secret --from-file` keeps the line's end of a file. What has a NUL in it cannot be in an environment. */
function textOf(secret: Secret, key: string): string | undefined {
  const value = secret.get(key)?.trim();
  return value === '' || value?.includes('\0') ? undefined : value;
}

function ownNames(...keys: string[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, key]));
}
