import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { AppBinding } from '../api/app-binding.ts';
import type { FunctionObject, FunctionSpec } from '../api/function.ts';
import type { Task, TaskStep } from '../api/task.ts';
import type { TaskRun } from './run.ts';

/** The documents of a sample, as users write them. */
export function sample<Kind>(name: string): Kind[] {
  const file = new URL(`../../test/samples/${name}`, import.meta.url);
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Kind);
}

export const functionOf = (name: string, spec: Partial<FunctionSpec> = {}): FunctionObject => ({
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'Function',
  metadata: { name },
  spec: { image: 'tool:v1', ...spec },
});

export const taskOf = (...functions: (string | TaskStep)[]): Task => ({
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'Task',
  metadata: { name: 'work' },
  spec: { functions: functions.map((step) => (typeof step === 'string' ? { name: step } : step)) },
});

export const named =
  (functions: FunctionObject[]) =>
  (name: string): FunctionObject | undefined =>
    functions.find(({ metadata }) => metadata.name === name);

const postgres = sample<AppBinding>('07-app-binding.yaml')[0];

/** A backup of a database, into a repository on a claim. */
export function runOf(functions: FunctionObject[], task: Task, difference: Partial<TaskRun> = {}): TaskRun {
  return {
    session: { kind: 'BackupSession', name: 'nightly-1', namespace: 'demo' },
    task,
    functionNamed: named(functions),
    target: {
      ref: { apiVersion: 'appcatalog.appscode.com/v1alpha1', kind: 'AppBinding', name: 'quick-postgres' },
    },
    ...(postgres !== undefined && { appBinding: postgres }),
    repository: {
      apiVersion: 'stash.appscode.com/v1alpha2',
      kind: 'Repository',
      metadata: { name: 'stash-backup-repo', namespace: 'demo' },
      spec: {
        backend: {
          local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/backup', subPath: 'shop' },
          storageSecretName: 'storage-secret',
        },
      },
    },
    storage: {
      variables: { RESTIC_REPOSITORY: '/backup/shop' },
      secretVariables: {},
      secretFiles: {},
    },
    hostname: 'host-0',
    retentionPolicy: { name: 'keep-last-5', keepLast: 5, prune: true },
    ...difference,
  };
}

/** The same of a claim. */
export const claim: Pick<TaskRun, 'target'> = {
  target: {
    ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'demo-pvc' },
    mountPath: '/source/data',
  },
};
