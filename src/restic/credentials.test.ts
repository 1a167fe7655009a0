import { describe, expect, test } from 'vitest';
import type { BackendName } from './backend.ts';
import { credentialVariables, missingKeys, secretValues } from './credentials.ts';

const PASSWORD = { RESTIC_PASSWORD: 'password' };
const secretOf = (keys: Record<string, string>) => new Map(Object.entries({ ...PASSWORD, ...keys }));
const all = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `value of ${name}`]));

describe('the keys that a Secret lacks', () => {
  const cases: [backend: BackendName, keys: string[], missing: string[]][] = [
    ['local', [], []],
    ['s3', ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], []],
    ['s3', [], []],
    ['s3', ['AWS_ACCESS_KEY_ID'], ['AWS_SECRET_ACCESS_KEY']],
    ['s3', ['AWS_SECRET_ACCESS_KEY'], ['AWS_ACCESS_KEY_ID']],
    ['gcs', [], []],
    ['gcs', ['GOOGLE_PROJECT_ID', 'GOOGLE_SERVICE_ACCOUNT_JSON_KEY'], []],
    ['azure', [], ['AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY']],
    ['azure', ['AZURE_ACCOUNT_NAME'], []],
    ['azure', ['AZURE_ACCOUNT_KEY'], ['AZURE_ACCOUNT_NAME']],
    ['azure', ['AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_SAS'], []],
    ['b2', [], ['B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY']],
    ['b2', ['B2_ACCOUNT_ID'], ['B2_ACCOUNT_KEY']],
    ['swift', [], ['OS_AUTH_URL', 'OS_USERNAME', 'OS_PASSWORD']],
    ['swift', ['ST_AUTH', 'ST_USER'], ['ST_KEY']],
    ['swift', ['OS_AUTH_URL', 'OS_USERNAME'], ['OS_PASSWORD']],
    ['swift', ['OS_AUTH_URL', 'OS_USER_ID', 'OS_PASSWORD'], []],
    ['swift', ['OS_AUTH_URL', 'OS_APPLICATION_CREDENTIAL_ID'], ['OS_APPLICATION_CREDENTIAL_SECRET']],
    ['swift', ['OS_STORAGE_URL', 'OS_AUTH_TOKEN'], []],
    ['rest', [], []],
    ['rest', ['REST_SERVER_USERNAME'], ['REST_SERVER_PASSWORD']],
  ];

  test.each(cases)('for %s with %j are %j', (backend, keys, missing) => {
    expect(missingKeys(backend, secretOf(all(...keys)))).toEqual(missing);
  });

  test.each(['', ' \n', 'a\0b'])('are those, too, that are %j', (value) => {
    expect(missingKeys('local', new Map([['RESTIC_PASSWORD', value]]))).toEqual(['RESTIC_PASSWORD']);
  });
});

describe('the variables of credentials', () => {
  const cases: [backend: BackendName, keys: Record<string, string>, variables: Record<string, string>][] = [
    ['local', all('AWS_ACCESS_KEY_ID'), {}],
    ['s3', all('AWS_ACCESS_KEY_ID', 'AWS_SESSION_TOKEN'), all('AWS_ACCESS_KEY_ID', 'AWS_SESSION_TOKEN')],
    [
      'gcs',
      all('GOOGLE_PROJECT_ID', 'GOOGLE_SERVICE_ACCOUNT_JSON_KEY'),
      {
        ...all('GOOGLE_PROJECT_ID'),
        GOOGLE_APPLICATION_CREDENTIALS: '/secret/GOOGLE_SERVICE_ACCOUNT_JSON_KEY',
      },
    ],
    [
      'azure',
      all('AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY', 'AZURE_ENDPOINT_SUFFIX'),
      all('AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY', 'AZURE_ENDPOINT_SUFFIX'),
    ],
    ['b2', all('B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY'), all('B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY')],
    ['swift', all('OS_AUTH_URL', 'ST_KEY', 'OS_CLOUD'), all('OS_AUTH_URL', 'ST_KEY')],
    [
      'rest',
      { REST_SERVER_USERNAME: 'shop\n', REST_SERVER_PASSWORD: 'p' },
      { RESTIC_REST_USERNAME: 'shop', RESTIC_REST_PASSWORD: 'p' },
    ],
    ['rest', all('CA_CERT_DATA'), { RESTIC_CACERT: '/secret/CA_CERT_DATA' }],
    ['local', { RESTIC_PASSWORD_COMMAND: 'sh', LD_PRELOAD: '/x', HTTPS_PROXY: 'http://elsewhere' }, {}],
  ];

  test.each(cases)('for %s with %j are %j', (backend, keys, variables) => {
    expect(credentialVariables(backend, secretOf(keys), '/secret', {})).toEqual(variables);
  });

  const ambient = { AWS_ROLE_ARN: 'arn', AZURE_CLIENT_ID: 'id', RESTIC_PASSWORD: 'other', HTTPS_PROXY: 'x' };

  test.each<[BackendName, string[], string[]]>([
    ['s3', [], ['AWS_ROLE_ARN']],
    ['s3', ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], []],
    ['azure', ['AZURE_ACCOUNT_NAME'], ['AZURE_CLIENT_ID']],
    ['azure', ['AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY'], []],
    ['rest', [], []],
  ])('for %s with %j have %j of the agent', (backend, keys, taken) => {
    const variables = credentialVariables(backend, secretOf(all(...keys)), '/secret', ambient);
    expect(Object.keys(variables).filter((name) => !keys.includes(name))).toEqual(taken);
  });
});

describe('what a message must not say', () => {
  test('is every value, known or not, but names, addresses and public certificates', () => {
    const secret = secretOf({ OTHER: 'other', AZURE_ACCOUNT_NAME: 'shop', CA_CERT_DATA: 'PEM' });
    expect(secretValues(secret)).toEqual(['password', 'other']);
  });

  test('is the key within a key of JSON, too', () => {
    const json = JSON.stringify({ type: 'service_account', private_key: 'line 1\nline 2' });
    expect(secretValues(secretOf({ GOOGLE_SERVICE_ACCOUNT_JSON_KEY: json }))).toContain('line 1\nline 2');
  });
});
