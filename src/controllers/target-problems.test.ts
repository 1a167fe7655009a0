import { describe, expect, it } from 'vitest';
import { BACKUP_CONFIGURATION, BACKUP_SESSION, RESTORE_SESSION } from '../api/kinds.ts';
import { createCaches } from './caches.ts';
import { aConfiguration, aRepository, aSession, aWorkload } from './objects.fixture.ts';
import { targetProblems } from './target-problems.ts';

const options = {
  image: 'stash',
  imagePullSecrets: [],
  nativeSidecar: false,
  resources: { requests: { cpu: '10m' } },
};
const workload = aWorkload({
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: 'app',
            volumeMounts: [
              { name: 'data', mountPath: '/source/data' },
              { name: 'conf', mountPath: '/etc/app', readOnly: true },
            ],
          },
          { name: 'log', volumeMounts: [{ name: 'logs', mountPath: '/source/data' }] },
        ],
        volumes: [
          { name: 'data', emptyDir: {} },
          { name: 'logs', emptyDir: {} },
          { name: 'conf', configMap: { name: 'conf' } },
        ],
      } as object,
    },
  },
});

function cachesWith(...configurations: Parameters<typeof aConfiguration>[0][]) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  caches.workloads.of('Deployment').set(workload);
  for (const over of configurations) caches.configurations.set(aConfiguration(over));
  return caches;
}

const asking = (target: object, metadata: object = {}) => aConfiguration({ metadata, spec: { target } });
const restore = (directories: string[]) => ({
  kind: 'RestoreSession',
  metadata: { name: 'back', namespace: 'demo' },
  spec: {
    repository: { name: 'repo' },
    target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }, directories },
  },
});
const find = (kind: typeof BACKUP_CONFIGURATION, object: unknown, old?: unknown, caches = cachesWith()) =>
  targetProblems({ caches: caches, injection: options, allowHostPath: false }, kind, object, old);

describe('targetProblems', () => {
  it('names the directory that no volume holds, and what the containers mount', () => {
    const { problems } = find(
      BACKUP_CONFIGURATION,
      asking({ directories: ['/source/data', '/var/lib'], container: 'app' }),
    );
    expect(problems).toEqual([
      {
        path: 'spec.target.directories[1]',
        message:
          'no volume holds "/var/lib": "app" mounts "/source/data", "/etc/app". Only what lies in a volume can be backed up or restored; name a directory that does',
      },
    ]);
  });

  it('asks which container is meant, where two differ', () => {
    const { problems } = find(BACKUP_CONFIGURATION, asking({ directories: ['/source/data'] }));
    expect(problems.map(({ message }) => message).join()).toContain('name the one that is meant');
  });

  it('finds a directory of a restore that is read-only in its workload', () => {
    expect(find(RESTORE_SESSION, restore(['/etc/app'])).problems).toMatchObject([
      { path: 'spec.target.directories[0]', message: expect.stringContaining('read-only') },
    ]);
  });

  it.each([
    ['there is no such workload', asking({ ref: { name: 'later' }, directories: ['/nowhere'] }), undefined],
    [
      'it goes on to ask what it asked before',
      aConfiguration({ spec: { paused: true, target: { directories: ['/nowhere'] } } }),
      asking({ directories: ['/nowhere'] }),
    ],
  ])('finds nothing where %s', (_, object, old) => {
    expect(find(BACKUP_CONFIGURATION, object, old)).toEqual({ problems: [], warnings: [] });
  });

  it('finds nothing in a session, which has no target of its own', () => {
    expect(find(BACKUP_SESSION, aSession())).toEqual({ problems: [], warnings: [] });
  });

  it('finds the directory where the Repository is not there yet', () => {
    const object = aConfiguration({
      spec: { repository: { name: 'later' }, target: { directories: ['/nowhere'] } },
    });
    expect(find(BACKUP_CONFIGURATION, object).problems).toMatchObject([
      { path: 'spec.target.directories[0]' },
    ]);
  });

  it('warns of a Deployment of several pods that have a volume each, which may be scaled again', () => {
    const caches = cachesWith();
    caches.workloads.of('Deployment').set({ ...workload, spec: { ...workload.spec, replicas: 3 } });
    const object = asking({ directories: ['/source/data'], container: 'app' });
    expect(find(BACKUP_CONFIGURATION, object, undefined, caches)).toEqual({
      problems: [],
      warnings: [
        {
          path: 'spec.target.directories',
          message:
            '/source/data lies in the volume "data" (emptyDir), which is not the same for all 3 pods of Deployment "shop", and there is one backup: scale it to one replica, or make it a StatefulSet',
        },
      ],
    });
  });

  it.each([
    [1, []],
    [2, ['spec.repository.name']],
  ])(
    'warns of a repository on a hostPath, of %i pods that may be on several nodes: %j',
    (replicas, paths) => {
      const caches = cachesWith();
      const local = { hostPath: { path: '/srv/backups' } };
      const { spec, ...repository } = aRepository();
      caches.repositories.set({ ...repository, spec: { ...spec, backend: { ...spec.backend, local } } });
      caches.workloads.of('Deployment').set({ ...workload, spec: { ...workload.spec, replicas } });
      const { problems, warnings } = find(
        BACKUP_CONFIGURATION,
        asking({ directories: ['/etc/app'], container: 'app' }),
        undefined,
        caches,
      );
      expect(problems).toEqual([]);
      expect(warnings.map(({ path }) => path)).toEqual(paths);
    },
  );

  it('warns of a clash with another configuration, whichever of the two is left out', () => {
    const app = { directories: ['/source/data'], container: 'app' };
    const log = { directories: ['/source/data'], container: 'log' };
    const later = find(
      BACKUP_CONFIGURATION,
      asking(log, { name: 'z' }),
      undefined,
      cachesWith({ metadata: { name: 'a' }, spec: { target: app } }),
    );
    expect(later.problems).toEqual([]);
    expect(later.warnings).toMatchObject([
      { path: 'spec.target.directories', message: expect.stringContaining('"/source/data" is the volume') },
    ]);
    const earlier = find(
      BACKUP_CONFIGURATION,
      asking(log, { name: 'a' }),
      undefined,
      cachesWith({ metadata: { name: 'z' }, spec: { target: app } }),
    );
    expect(earlier.warnings.map(({ message }) => message).join()).toContain(
      'BackupConfiguration "z" would be left out: ',
    );
  });
});

describe('targetProblems of what has a task', () => {
  const dump = {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'Function',
    metadata: { name: 'pg-dump' },
    spec: { image: 'tool', inputs: { jobs: { required: false, schema: { type: 'integer' as const } } } },
  };
  const task = {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'Task',
    metadata: { name: 'pg-dump' },
    spec: { functions: [{ name: 'pgDump' }] },
  };
  const configuration = (inputs: Record<string, string>, paused = false) => ({
    kind: 'BackupConfiguration',
    metadata: { name: 'db', namespace: 'demo' },
    spec: { schedule: '@daily', paused, repository: { name: 'repo' }, task: { name: 'pgDump', inputs } },
  });

  function withTask() {
    const caches = createCaches();
    caches.functions.set(dump);
    caches.tasks.set(task);
    return caches;
  }

  it('holds its inputs against the Functions of its Task', () => {
    expect(find(BACKUP_CONFIGURATION, configuration({ jobs: 'many' }), undefined, withTask())).toEqual({
      problems: [
        {
          path: 'spec.task.inputs.jobs',
          message: '"many" is no integer (Function "pg-dump", spec.inputs.jobs)',
        },
      ],
      warnings: [],
    });
  });

  it('warns of a Task that is not there yet', () => {
    expect(find(BACKUP_CONFIGURATION, configuration({ jobs: 'many' }), undefined, createCaches())).toEqual({
      problems: [],
      warnings: [
        {
          path: 'spec.task.name',
          message: 'there is no Task "pgDump", nor "pg-dump" yet, without which no session can run',
        },
      ],
    });
  });

  it('lets be who pauses one that asked the same before', () => {
    const before = configuration({ jobs: 'many' });
    expect(find(BACKUP_CONFIGURATION, configuration({ jobs: 'many' }, true), before, withTask())).toEqual({
      problems: [],
      warnings: [],
    });
  });
});
