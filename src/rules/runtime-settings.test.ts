import { expect, it } from 'vitest';
import { objectOf } from '../../test/apiserver/mistakes.fixture.ts';
import { BACKUP_CONFIGURATION } from '../api/kinds.ts';
import { problemsOf } from './object.ts';

const pathsOf = (name: string) => {
  const runtimeSettings = { container: { env: [{ name, value: '1' }] } };
  return problemsOf(BACKUP_CONFIGURATION, objectOf(BACKUP_CONFIGURATION, { runtimeSettings })).problems.map(
    ({ path }) => path,
  );
};

it.each([
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
  'https_proxy',
  'GOMAXPROCS',
  'RESTIC_COMPRESSION',
  'ENVIRONMENT',
  'TZ',
])('lets a configuration set %s', (name) => {
  expect(pathsOf(name)).toEqual([]);
});

it.each([
  'NODE_OPTIONS',
  'NODE_NAME',
  'KUBERNETES_SERVICE_HOST',
  'POD_NAMESPACE',
  'LD_LIBRARY_PATH',
  'PYTHONPATH',
  'PYTHONSTARTUP',
  'PERL5LIB',
  'PGSERVICEFILE',
  'GIT_SSH_COMMAND',
  'SSL_CERT_FILE',
  'BASH_ENV',
  'ENV',
  'IFS',
  'PATH',
  'TMPDIR',
])('lets no configuration set %s', (name) => {
  expect(pathsOf(name)).toEqual(['spec.runtimeSettings.container.env[0].name']);
});
