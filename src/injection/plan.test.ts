import { describe, expect, it } from 'vitest';
import {
  backup,
  deployment,
  NOTHING,
  OPTIONS,
  REPOSITORY,
  restore,
  restoreIn,
  sidecarIn,
} from './fixtures.ts';
import { inject } from './inject.ts';
import { podTemplateOf } from './pod.ts';
import type { InjectionProblem } from './problem.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import type { BackupWanted, RepositoryWanted, RestoreWanted } from './wanted.ts';

function mount(name: string, mountPath: string, more: Raw = {}): Raw {
  return { name, mountPath, ...more };
}

function container(name: string, ...volumeMounts: Raw[]): Raw {
  return { name, volumeMounts };
}

const VOLUMES = ['data', 'a', 'b', 'c'].map((name) => ({ name, emptyDir: {} }));

function app(...volumeMounts: Raw[]): Raw {
  return { containers: [container('app', ...volumeMounts)], volumes: VOLUMES };
}

/** The mounts of the user's volumes in the sidecar, as `volume path` with what else they have. */
function dataIn(pod: Raw, wanted: Partial<BackupWanted>): Raw[] {
  return rawsOf(sidecarIn(pod, backup(wanted)).volumeMounts).filter(
    ({ name }) => !String(name).startsWith('stash-'),
  );
}

function problemsOf(pod: Raw, backups: BackupWanted[], restores: RestoreWanted[] = []): InjectionProblem[] {
  return inject(deployment(pod), { backups, restores }, OPTIONS).problems;
}

describe('the sidecar mounts', () => {
  const readOnly = true;
  it.each<[string, Raw, Partial<BackupWanted>, Raw[]]>([
    ['the volume at the directory', app(mount('a', '/data')), {}, [mount('a', '/data', { readOnly })]],
    [
      'the volume around it',
      app(mount('a', '/data')),
      { directories: ['/data/x'] },
      [mount('a', '/data', { readOnly })],
    ],
    [
      'the longest mountPath around it',
      app(mount('a', '/data'), mount('b', '/data/x')),
      { directories: ['/data/x/y'] },
      [mount('b', '/data/x', { readOnly })],
    ],
    [
      'all below it as well',
      app(mount('a', '/data'), mount('b', '/data/x'), mount('c', '/database')),
      {},
      [mount('a', '/data', { readOnly }), mount('b', '/data/x', { readOnly })],
    ],
    [
      'all below it where none is around it',
      app(mount('a', '/data/x'), mount('b', '/data/y')),
      {},
      [mount('a', '/data/x', { readOnly }), mount('b', '/data/y', { readOnly })],
    ],
    [
      'a path that is written otherwise',
      app(mount('a', '//data/./')),
      { directories: ['/data//'] },
      [mount('a', '/data', { readOnly })],
    ],
    ['a path without its first slash', app(mount('a', 'data')), {}, [mount('a', '/data', { readOnly })]],
    [
      'the part of the volume that the container has, and not how it propagates',
      app(
        mount('a', '/data', {
          subPath: 'x',
          mountPropagation: 'Bidirectional',
          recursiveReadOnly: 'Enabled',
        }),
      ),
      {},
      [mount('a', '/data', { readOnly, subPath: 'x' })],
    ],
    [
      'the part that is calculated',
      app(mount('a', '/data', { subPathExpr: '$(POD_NAME)' })),
      {},
      [mount('a', '/data', { readOnly, subPathExpr: '$(POD_NAME)' })],
    ],
    [
      'what containers agree on',
      {
        containers: [container('x', mount('a', '/data')), container('y', mount('a', '/data/'))],
        volumes: VOLUMES,
      },
      {},
      [mount('a', '/data', { readOnly })],
    ],
    [
      'what the named container has',
      {
        containers: [container('x', mount('a', '/data')), container('y', mount('b', '/data'))],
        volumes: VOLUMES,
      },
      { container: 'y' },
      [mount('b', '/data', { readOnly })],
    ],
    [
      'what an ordinary container has, whatever an init container has there',
      {
        initContainers: [container('init', mount('b', '/data'))],
        containers: [container('x', mount('a', '/data'))],
        volumes: VOLUMES,
      },
      {},
      [mount('a', '/data', { readOnly })],
    ],
    [
      'what only an init container has',
      {
        initContainers: [container('init', mount('b', '/data'))],
        containers: [container('x')],
        volumes: VOLUMES,
      },
      {},
      [mount('b', '/data', { readOnly })],
    ],
  ])('%s', (_, pod, wanted, mounts) => {
    expect(dataIn(pod, wanted)).toEqual(mounts);
  });
});

describe('it is a problem', () => {
  const two = {
    containers: [container('x', mount('a', '/data')), container('y', mount('b', '/data'))],
    volumes: VOLUMES,
  };
  it.each<[string, Raw, Partial<BackupWanted>, Partial<InjectionProblem>, string[]]>([
    [
      'that no volume holds a directory',
      app(mount('a', '/other')),
      {},
      { reason: 'DirectoryNotMounted', path: 'spec.target.directories[0]' },
      ['"/data"', '"app"', '"/other"'],
    ],
    [
      'that a name only begins alike',
      app(mount('a', '/data')),
      { directories: ['/data', '/database'] },
      { reason: 'DirectoryNotMounted', path: 'spec.target.directories[1]' },
      ['"/database"'],
    ],
    ['that none is named', app(), { directories: [] }, { reason: 'DirectoriesMissing' }, ['at least one']],
    ['that one is relative', app(), { directories: ['data'] }, { reason: 'DirectoryInvalid' }, ['"data"']],
    ['that one is the root', app(), { directories: ['//'] }, { reason: 'DirectoryInvalid' }, ['"//"']],
    ['that one goes up', app(), { directories: ['/data/../x'] }, { reason: 'DirectoryInvalid' }, ['".."']],
    [
      'that containers differ',
      two,
      {},
      { reason: 'ContainerAmbiguous' },
      ['"x"', '"y"', 'spec.target.container'],
    ],
    [
      'that containers differ in the part',
      {
        containers: [
          container('x', mount('a', '/data')),
          container('y', mount('a', '/data', { subPath: 's' })),
        ],
        volumes: VOLUMES,
      },
      {},
      { reason: 'ContainerAmbiguous' },
      ['"x"', '"y"'],
    ],
    [
      'that one sees less than the other',
      {
        containers: [
          container('x', mount('a', '/data'), mount('b', '/data/b')),
          container('y', mount('a', '/data')),
        ],
        volumes: VOLUMES,
      },
      {},
      { reason: 'ContainerAmbiguous' },
      ['"x"', '"y"'],
    ],
    [
      'that the named container is not there',
      two,
      { container: 'z' },
      { reason: 'ContainerNotFound', path: 'spec.target.container' },
      ['"z"', '"x", "y"'],
    ],
    [
      'that the named container has not the directory',
      { containers: [container('x', mount('a', '/data')), container('y')], volumes: VOLUMES },
      { container: 'y' },
      { reason: 'DirectoryNotMounted' },
      ['"y" mounts nothing'],
    ],
    [
      'that a mount covers the agent',
      app(mount('a', '/usr')),
      { directories: ['/usr/share/x'] },
      { reason: 'MountCoversAgent' },
      ['"/usr"', '"/usr/bin"', '"app"'],
    ],
    [
      'that a mount is where the agent keeps its own',
      app(mount('a', '/stash/x')),
      { directories: ['/stash/x'] },
      { reason: 'MountCoversAgent' },
      ['"/stash/x"', '"/stash"'],
    ],
    [
      'that the volume of a mount is not there',
      app(mount('gone', '/data')),
      {},
      { reason: 'VolumeNotFound' },
      ['"gone"', '"/data"'],
    ],
    [
      'that the directory is a block device',
      {
        containers: [{ name: 'app', volumeDevices: [{ name: 'a', devicePath: '/data/disk' }] }],
        volumes: VOLUMES,
      },
      {},
      { reason: 'DirectoryOnBlockDevice' },
      ['"/data"', '"app"'],
    ],
    [
      'that the user has a container of our name',
      { containers: [container('stash', mount('a', '/data'))], volumes: VOLUMES },
      {},
      { reason: 'NameTaken', path: 'spec.target.ref' },
      ['container "stash"'],
    ],
    [
      'that the user has a volume of our name',
      { volumes: [{ name: 'data' }, { name: 'stash-scratch' }] },
      {},
      { reason: 'NameTaken' },
      ['volume "stash-scratch"'],
    ],
    [
      'that the user has the volume of the Secret',
      { volumes: [{ name: 'data' }, { name: 'stash-secret-storage' }] },
      {},
      { reason: 'NameTaken', path: 'spec.repository' },
      ['volume "stash-secret-storage"'],
    ],
    ['that the pod runs on Windows', { os: { name: 'windows' } }, {}, { reason: 'WindowsPod' }, ['Linux']],
    [
      'that the pod is sent to Windows nodes',
      { nodeSelector: { 'kubernetes.io/os': 'windows' } },
      {},
      { reason: 'WindowsPod' },
      ['Linux'],
    ],
  ])('%s', (_, pod, wanted, problem, said) => {
    const problems = problemsOf(pod, [backup(wanted)]);
    expect(problems).toMatchObject([{ subject: 'BackupConfiguration', name: 'nightly', ...problem }]);
    for (const words of said) expect(problems[0]?.message).toContain(words);
  });
});

describe('the repository', () => {
  it('is refused in the very claim that it backs up, whatever the paths', () => {
    const local = { persistentVolumeClaim: { claimName: 'data' }, mountPath: '/backup' };
    const wanted = backup({ repository: { ...REPOSITORY, local } });
    const { problems, changed } = inject(deployment(), { ...NOTHING, backups: [wanted] }, OPTIONS);
    expect(changed).toBe(false);
    expect(problems).toMatchObject([
      { reason: 'RepositoryOnTarget', message: expect.stringMatching(/"repository".*"data".*"\/data"/) },
    ]);
  });

  it.each([
    ['an export', { nfs: { server: 'nas', path: '/backups', readOnly: true } }],
    ['a directory of the node', { hostPath: { path: '/var/backups' } }],
  ])('on %s has a volume of its own', (_, source) => {
    const local = { ...source, mountPath: '/backup' };
    const wanted = backup({ repository: { ...REPOSITORY, local } });
    const { workload, problems } = inject(deployment(), { ...NOTHING, backups: [wanted] }, OPTIONS);
    expect(problems).toEqual([]);
    const { volumes, containers } = rawOf(podTemplateOf(workload)?.spec);
    const name = 'stash-repository-repository';
    expect(volumes).toContainEqual({ name, ...source });
    const mount = { name, mountPath: '/backup', ...('nfs' in source && { readOnly: true }) };
    expect((containers as Raw[])[1]?.volumeMounts).toContainEqual(mount);
  });

  it('is refused in the very export, or directory of the node, that it backs up', () => {
    for (const source of [{ nfs: { server: 'nas', path: '/data' } }, { hostPath: { path: '/data' } }]) {
      const local = { ...source, mountPath: '/backup' };
      const wanted = backup({ repository: { ...REPOSITORY, local } });
      const volumes = [{ name: 'data', ...source }];
      const { problems } = inject(deployment({ volumes }), { ...NOTHING, backups: [wanted] }, OPTIONS);
      expect(problems).toMatchObject([{ reason: 'RepositoryOnTarget' }]);
    }
  });

  it('on another volume is another wish: the workload gets it', () => {
    const on = (path: string) => ({ ...REPOSITORY, local: { hostPath: { path }, mountPath: '/backup' } });
    const put = (workload: Raw, path: string) =>
      inject(workload, { ...NOTHING, backups: [backup({ repository: on(path) })] }, OPTIONS);
    const first = put(deployment(), '/a').workload;
    expect(put(first, '/a').changed).toBe(false);
    expect(put(first, '/b').changed).toBe(true);
  });

  function at(mountPath: string, name = 'repository', claimName = 'backups'): RepositoryWanted {
    return { ...REPOSITORY, name, local: { persistentVolumeClaim: { claimName }, mountPath } };
  }

  it.each<[string, string, string]>([
    ['/', 'RepositoryMountInvalid', 'the root'],
    ['mnt', 'RepositoryMountInvalid', '"mnt"'],
    ['/etc', 'MountCoversAgent', '"/etc/ssl/certs"'],
    ['/stash', 'MountCoversAgent', '"/stash"'],
    ['/data', 'RepositoryMountConflict', '"/data"'],
    ['/data/repository', 'RepositoryMountConflict', '"/data/repository"'],
  ])('cannot be mounted at %s', (path, reason, said) => {
    const problems = problemsOf({}, [backup({ repository: at(path) })]);
    expect(problems).toMatchObject([{ reason, path: 'spec.repository' }]);
    expect(problems[0]?.message).toContain(said);
  });

  it('cannot be mounted above the data', () => {
    const pod = app(mount('a', '/mnt/data'));
    const wanted = backup({ directories: ['/mnt/data'], repository: at('/mnt') });
    expect(problemsOf(pod, [wanted])).toMatchObject([{ reason: 'RepositoryMountConflict' }]);
  });

  it('cannot lie in a directory that is backed up, mounted or not', () => {
    const wanted = backup({ directories: ['/srv'], repository: at('/srv/repository') });
    expect(problemsOf(app(mount('a', '/srv/a')), [wanted])).toMatchObject([
      { reason: 'RepositoryMountConflict' },
    ]);
  });

  it('has its place to itself: the second of two that overlap is left out', () => {
    const one = backup({ name: 'a', repository: at('/mnt/x', 'one') });
    const two = backup({ name: 'b', repository: at('/mnt/x/y', 'two', 'others') });
    const { problems, workload } = inject(deployment(), { backups: [two, one], restores: [] }, OPTIONS);
    expect(problems).toMatchObject([{ name: 'b', reason: 'RepositoryMountConflict' }]);
    expect(problems[0]?.message).toMatch(/"two".*"one"/);
    expect(JSON.stringify(workload)).not.toContain('/mnt/x/y');
  });

  it('means one thing to all who name it', () => {
    const other = { ...REPOSITORY, secretName: 'other' };
    const problems = problemsOf({}, [backup({ name: 'a' }), backup({ name: 'b', repository: other })]);
    expect(problems).toMatchObject([{ name: 'b', reason: 'RepositoryMountConflict' }]);
  });

  it('on a read-only volume of the workload cannot be written to', () => {
    const claim = { name: 'mine', persistentVolumeClaim: { claimName: 'backups', readOnly: true } };
    const pod = { volumes: [{ name: 'data', emptyDir: {} }, claim] };
    expect(problemsOf(pod, [backup()])).toMatchObject([{ reason: 'RepositoryVolumeReadOnly' }]);
  });
});

describe('two configurations of one workload', () => {
  it('share the sidecar, and the one with a problem does not keep the other out', () => {
    const good = backup({ name: 'good' });
    const bad = backup({ name: 'bad', directories: ['/none'] });
    const { workload, problems, changed } = inject(
      deployment(),
      { backups: [bad, good], restores: [] },
      OPTIONS,
    );
    expect(changed).toBe(true);
    expect(problems).toMatchObject([{ name: 'bad', reason: 'DirectoryNotMounted' }]);
    expect(JSON.stringify(workload)).toContain('--configuration=good');
    expect(JSON.stringify(workload)).not.toContain('--configuration=bad');
  });

  const containers = [
    container('x', mount('a', '/data')),
    container('y', mount('b', '/data')),
    container('z', mount('c', '/data/c')),
  ];
  const pod = { containers, volumes: VOLUMES };
  it.each<[string, Partial<BackupWanted>]>([
    ['another volume at the same path', { container: 'y' }],
    ['a mount that no container has in the first one', { container: 'z', directories: ['/data/c'] }],
  ])('cannot have %s', (_, second) => {
    const problems = problemsOf(pod, [
      backup({ name: 'a', container: 'x' }),
      backup({ name: 'b', ...second }),
    ]);
    expect(problems).toMatchObject([{ name: 'b', reason: 'MountConflict', path: 'spec.target.directories' }]);
  });

  it('cannot change what a directory of the other holds', () => {
    const both = container('y', mount('a', '/data'), mount('b', '/data/b'));
    const spec = { containers: [container('x', mount('a', '/data')), both], volumes: VOLUMES };
    const first = backup({ name: 'a', container: 'x' });
    const second = backup({ name: 'b', container: 'y', directories: ['/data/b'] });
    expect(problemsOf(spec, [first, second])).toMatchObject([{ name: 'b', reason: 'MountConflict' }]);
  });
});

describe('a restore', () => {
  it('writes to the mounts that a backup reads', () => {
    const [data] = rawsOf(restoreIn(app(mount('a', '/data', { subPath: 'x' }))).volumeMounts);
    expect(data).toEqual(mount('a', '/data', { subPath: 'x' }));
  });

  it.each<[string, Raw, Raw]>([
    ['a mount that is read-only', mount('v', '/data', { readOnly: true }), { emptyDir: {} }],
    ['a ConfigMap', mount('v', '/data'), { configMap: { name: 'x' } }],
    ['a Secret', mount('v', '/data'), { secret: { secretName: 'x' } }],
    ['the downward API', mount('v', '/data'), { downwardAPI: {} }],
    ['a projected volume', mount('v', '/data'), { projected: {} }],
    ['an image', mount('v', '/data'), { image: { reference: 'x' } }],
    [
      'a claim that is read-only',
      mount('v', '/data'),
      { persistentVolumeClaim: { claimName: 'x', readOnly: true } },
    ],
    [
      'an NFS export that is read-only',
      mount('v', '/data'),
      { nfs: { server: 'x', path: '/', readOnly: true } },
    ],
  ])('cannot write to %s, which a backup reads', (_, volumeMount, source) => {
    const pod = { containers: [container('app', volumeMount)], volumes: [{ name: 'v', ...source }] };
    const problems = problemsOf(pod, [backup()], [restore()]);
    expect(problems).toMatchObject([{ subject: 'RestoreSession', name: 'again', reason: 'MountReadOnly' }]);
    expect(problems[0]?.message).toContain('"/data"');
  });
});
