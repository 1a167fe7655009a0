import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HOLD_FINALIZER } from '../../src/api/annotations.ts';
import {
  APP_BINDING,
  BACKUP_CONFIGURATION,
  BACKUP_SESSION,
  type Kind,
  REPOSITORY,
  RESTORE_SESSION,
} from '../../src/api/kinds.ts';
import { BACKUP_CONFIGURATIONS } from '../../src/api/resources.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { admin, as, installAuthors, type Right, refusalOf, removeAuthors } from './authors.fixture.ts';
import { objectOf } from './mistakes.fixture.ts';

/* Who may write what, as the policies of the installation have it: with no operator there. */

const namespace = `authors-${Date.now()}`;

const execHook = { preBackup: { exec: { command: ['sync'] } } };
const portHook = { postBackup: { httpGet: { port: 8080 } } };

const core = (verb: string, ...resources: string[]): Right => ({ apiGroups: [''], resources, verbs: [verb] });

const group = 'stash.appscode.com';
/** All that our own kinds are written with, and nothing that an object of them makes others do. */
const writing: Right[] = [
  {
    apiGroups: [group, 'appcatalog.appscode.com'],
    resources: ['*'],
    verbs: ['create', 'get', 'update', 'patch'],
  },
];
/** What the objects of this file refer to. */
const referring: Right[] = [
  { apiGroups: [group], resources: ['repositories', 'backupconfigurations'], verbs: ['use'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['update'] },
];

/** People who may write our objects, each with what else they may do in the namespace. */
const people = {
  bare: [],
  plain: referring,
  exec: [...referring, core('create', 'pods/exec')],
  forward: [...referring, core('create', 'pods/portforward')],
  both: [...referring, core('create', 'pods/exec', 'pods/portforward')],
  pods: [...referring, core('create', 'pods')],
  reader: [{ ...core('get', 'secrets'), resourceNames: ['secret', 'auth'] }],
  user: [{ apiGroups: [group], resources: ['repositories'], verbs: ['use'], resourceNames: ['shop'] }],
  updater: [
    {
      apiGroups: ['apps'],
      resources: ['deployments', 'statefulsets'],
      verbs: ['update'],
      resourceNames: ['shop'],
    },
  ],
  starter: [
    { apiGroups: [group], resources: ['backupconfigurations'], verbs: ['use'], resourceNames: ['shop'] },
  ],
} satisfies Record<string, Right[]>;
type Person = keyof typeof people;

/** Those who have all that a plain configuration takes. */
const writers = ['plain', 'exec', 'forward', 'both', 'pods'] as const satisfies readonly Person[];

const placed = (object: ReturnType<typeof objectOf>): ApiObject => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

const configuration = (name: string, hooks?: object): ApiObject =>
  placed(objectOf(BACKUP_CONFIGURATION, hooks === undefined ? {} : { hooks }, name));

const database = { apiVersion: 'appcatalog.appscode.com/v1alpha1', kind: 'AppBinding', name: 'shop' };
const ofTask = { task: { name: 'pg-backup' }, target: { ref: database, directories: undefined } };
const configurationOfTask = (name: string): ApiObject => placed(objectOf(BACKUP_CONFIGURATION, ofTask, name));

const tried = (person: Person, kind: Kind, object: ApiObject) =>
  refusalOf(as(person).create(kind, object, { dryRun: true }));

const patchedAs = (person: Person, kind: Kind, name: string, patch: object) =>
  refusalOf(as(person).mergePatch(kind, name, namespace, patch as Record<string, unknown>));

const patched = (person: Person, name: string, patch: object, subresource?: 'status') =>
  refusalOf(
    as(person).mergePatch(BACKUP_CONFIGURATIONS, name, namespace, patch as Record<string, unknown>, {
      ...(subresource !== undefined && { subresource }),
    }),
  );

beforeAll(async () => {
  await installAuthors(
    namespace,
    Object.fromEntries(Object.entries(people).map(([name, rights]) => [name, [...writing, ...rights]])),
  );
  // Policies and roles hold a moment after they are written.
  await vi.waitFor(
    async () => {
      expect(await tried('plain', BACKUP_CONFIGURATION, configuration('x', execHook))).toContain(
        'spec.hooks',
      );
      expect(await tried('both', BACKUP_CONFIGURATION, configuration('x', execHook))).toBeUndefined();
      expect(await tried('plain', BACKUP_CONFIGURATION, configurationOfTask('x'))).toContain('spec.task');
      for (const kind of [REPOSITORY, APP_BINDING, BACKUP_CONFIGURATION, BACKUP_SESSION]) {
        expect(await tried('bare', kind, placed(objectOf(kind)))).toContain('needs');
      }
      expect(await tried('starter', BACKUP_SESSION, placed(objectOf(BACKUP_SESSION)))).toBeUndefined();
    },
    { timeout: 60_000, interval: 500 },
  );
  await admin.create(BACKUP_CONFIGURATION, configuration('with-hooks', { ...execHook, ...portHook }));
  await admin.create(BACKUP_CONFIGURATION, configuration('without-hooks'));
  await admin.create(BACKUP_CONFIGURATION, configurationOfTask('with-task'));
  for (const kind of [REPOSITORY, APP_BINDING, BACKUP_CONFIGURATION, BACKUP_SESSION]) {
    await admin.create(kind, placed(objectOf(kind, {}, 'standing')));
  }
  const elsewhere = objectOf(BACKUP_CONFIGURATION, { repository: { name: 'theirs' } }, 'elsewhere');
  await admin.create(BACKUP_CONFIGURATION, placed(elsewhere));
}, 120_000);

afterAll(() => removeAuthors(namespace));

/** Whose attempt is admitted, of all. */
async function admitted(attempt: (person: Person) => Promise<string | undefined>): Promise<Person[]> {
  const all = Object.keys(people) as Person[];
  const refusals = await Promise.all(all.map(attempt));
  return all.filter((_, index) => refusals[index] === undefined);
}

describe('the policies of references', () => {
  it('let the Secret of a Repository be named by those alone who may read it', async () => {
    const object = placed(objectOf(REPOSITORY));
    expect(await admitted((person) => tried(person, REPOSITORY, object))).toEqual(['reader']);
    expect(await tried('bare', REPOSITORY, object)).toMatch(
      /spec\.backend\.storageSecretName: .* the Secret "secret" used, and needs the right to get it/,
    );
    const other = placed(objectOf(REPOSITORY, { backend: { storageSecretName: 'crown-jewels' } }));
    expect(await tried('reader', REPOSITORY, other)).toContain('"crown-jewels"');
  });

  it('let the Secret of an AppBinding be named by those alone who may read it', async () => {
    const object = placed(objectOf(APP_BINDING));
    expect(await admitted((person) => tried(person, APP_BINDING, object))).toEqual(['reader']);
    expect(await tried('bare', APP_BINDING, object)).toMatch(
      /spec\.secret\.name: .* the Secret "auth" sent where it says/,
    );
    const change = { spec: { secret: { name: 'crown-jewels' } } };
    expect(await patchedAs('reader', APP_BINDING, 'standing', change)).toContain('"crown-jewels"');
    // The Secret stays, and is sent to somebody else.
    const elsewhere = { spec: { clientConfig: { service: { name: 'mine' } } } };
    expect(await patchedAs('bare', APP_BINDING, 'standing', elsewhere)).toContain('"auth"');
    expect(await patchedAs('reader', APP_BINDING, 'standing', elsewhere)).toBeUndefined();
    const without = placed(objectOf(APP_BINDING, { secret: undefined }));
    expect(await tried('bare', APP_BINDING, without)).toBeUndefined();
  });

  it.each([
    ['BackupConfiguration', BACKUP_CONFIGURATION],
    ['RestoreSession', RESTORE_SESSION],
  ])('let a %s be written by those who may use its Repository and update its workload', async (_, kind) => {
    const object = placed(objectOf(kind));
    expect(await admitted((person) => tried(person, kind, object))).toEqual(writers);
    expect(await tried('updater', kind, object)).toMatch(
      /spec\.repository\.name: .* Repository "shop" needs the verb "use" on it/,
    );
    expect(await tried('user', kind, object)).toMatch(
      /spec\.target\.ref: .* the pods of the Deployment "[^"]+", so whoever .* needs the right to update it/,
    );
  });

  it('lets nobody turn a configuration that stands to another repository or workload', async () => {
    const repository = { spec: { repository: { name: 'other' } } };
    const workload = { spec: { target: { ref: { name: 'other' } } } };
    expect(await patched('updater', 'standing', repository)).toContain('"other" needs the verb "use"');
    expect(await patched('user', 'standing', workload)).toContain('the Deployment "other"');
    // The workload stays, and other data of it is read, as somebody else, or into a repository of one's own.
    const uses = [
      { target: { directories: ['/etc/keys'] } },
      { runtimeSettings: { container: { securityContext: { runAsUser: 0 } } } },
      { repository: { name: 'shop' } },
    ];
    for (const spec of uses) {
      const object = spec.repository === undefined ? 'standing' : 'elsewhere';
      expect(await patched('user', object, { spec }), JSON.stringify(spec)).toContain('right to update it');
    }
    const kind = { spec: { target: { ref: { kind: 'StatefulSet', name: 'shop' } } } };
    expect(await patched('user', 'standing', kind)).toContain('the StatefulSet "shop"');
    expect(await patched('updater', 'standing', kind)).toBeUndefined();
  });

  it('let a session be started by those alone who may use its configuration', async () => {
    const object = placed(objectOf(BACKUP_SESSION));
    expect(await admitted((person) => tried(person, BACKUP_SESSION, object))).toEqual([
      ...writers,
      'starter',
    ]);
    expect(await tried('bare', BACKUP_SESSION, object)).toMatch(
      /spec\.backupConfiguration\.name: .* BackupConfiguration "shop" needs the verb "use" on it/,
    );
  });

  it('stand in the way of no other change', async () => {
    const metadata = { labels: { team: 'shop' }, finalizers: ['example.com/kept'] };
    for (const kind of [REPOSITORY, APP_BINDING, BACKUP_SESSION]) {
      for (const change of [{ metadata }, { metadata: { finalizers: null } }]) {
        expect(await patchedAs('bare', kind, 'standing', change), kind.kind).toBeUndefined();
      }
    }
    expect(await patchedAs('bare', BACKUP_SESSION, 'standing', { spec: { cancel: true } })).toBeUndefined();
    for (const change of [{ spec: { paused: true } }, { metadata }, { metadata: { finalizers: null } }]) {
      expect(await patched('bare', 'without-hooks', change)).toBeUndefined();
    }
    const status = { status: { lastPhase: 'Succeeded' } };
    expect(await patched('bare', 'without-hooks', status, 'status')).toBeUndefined();
  });
});

describe('the policy of hooks', () => {
  it.each([
    ['nothing', undefined, writers],
    ['a command', execHook, ['exec', 'both']],
    ['a request', portHook, ['forward', 'both']],
    ['a command and a request', { ...execHook, ...portHook }, ['both']],
  ] as const)('lets %s be written by those alone who may do it themselves', async (_, hooks, may) => {
    const object = configuration('tried', hooks);
    for (const person of writers) {
      const refusal = await tried(person, BACKUP_CONFIGURATION, object);
      if ((may as readonly Person[]).includes(person)) expect(refusal, person).toBeUndefined();
      else expect(refusal, person).toMatch(/spec\.hooks: .* needs the right to create pods\//);
    }
  });

  it('holds for restores too', async () => {
    const hooks = { postRestore: { exec: { command: ['true'] } } };
    const object = placed(objectOf(RESTORE_SESSION, { hooks }));
    const attempt = (person: Person) => tried(person, RESTORE_SESSION, object);
    expect(await attempt('forward')).toContain('pods/exec');
    expect(await attempt('exec')).toBeUndefined();
    const { metadata } = await admin.create(
      RESTORE_SESSION,
      placed(objectOf(RESTORE_SESSION, { hooks }, 'with-hooks')),
    );
    for (const finalizers of [[HOLD_FINALIZER], null]) {
      const patch = { metadata: { finalizers } };
      const change = as('plain').mergePatch(RESTORE_SESSION, metadata.name, namespace, patch);
      expect(await refusalOf(change)).toBeUndefined();
    }
  });

  it('lets nobody turn a hook that stands to another command, container or workload', async () => {
    const changes = [
      { hooks: { preBackup: { exec: { command: ['id'] } } } },
      { hooks: { preBackup: { containerName: 'vault' } } },
      { target: { ref: { name: 'vault' } } },
      { target: { container: 'vault' } },
    ];
    for (const spec of changes) {
      expect(await patched('plain', 'with-hooks', { spec }), JSON.stringify(spec)).toContain('spec.hooks');
      expect(await patched('both', 'with-hooks', { spec }), JSON.stringify(spec)).toBeUndefined();
    }
    expect(await patched('plain', 'without-hooks', { spec: { hooks: execHook } })).toContain('spec.hooks');
  });

  it('stands in the way of no other change', async () => {
    const changes = [
      { spec: { paused: true } },
      { metadata: { labels: { team: 'shop' }, finalizers: ['example.com/kept'] } },
      { metadata: { finalizers: null } },
      { spec: { hooks: null } },
    ];
    expect(await patched('plain', 'with-hooks', { status: { lastPhase: 'Succeeded' } }, 'status')).toBe(
      undefined,
    );
    for (const change of changes) expect(await patched('plain', 'with-hooks', change)).toBeUndefined();
    expect(await patched('plain', 'without-hooks', { spec: { target: { ref: { name: 'other' } } } })).toBe(
      undefined,
    );
  });
});

describe('the policy of tasks', () => {
  it('lets a task be written by those alone who may create pods', async () => {
    const restore = placed(objectOf(RESTORE_SESSION, ofTask));
    const backup = configurationOfTask('tried');
    for (const [kind, object] of [
      [BACKUP_CONFIGURATION, backup],
      [RESTORE_SESSION, restore],
    ] as const) {
      const attempt = (person: Person) => tried(person, kind, object);
      expect(await attempt('both')).toMatch(/spec\.task: .* needs the right to create pods in the namespace/);
      expect(await attempt('pods')).toBeUndefined();
    }
  });

  it('lets nobody else turn a task that stands to other data, another account or another repository', async () => {
    const changes = [
      { task: { inputs: { database: 'shop' } } },
      { target: { ref: { name: 'vault' } } },
      { runtimeSettings: { pod: { serviceAccountName: 'root' } } },
      { repository: { name: 'other' } },
    ];
    for (const spec of changes) {
      expect(await patched('plain', 'with-task', { spec }), JSON.stringify(spec)).toContain('spec.task');
    }
    for (const spec of changes) {
      expect(await patched('pods', 'with-task', { spec }), JSON.stringify(spec)).toBeUndefined();
    }
  });

  it('stands in the way of no other change', async () => {
    const metadata = { labels: { team: 'shop' }, finalizers: ['example.com/kept'] };
    for (const change of [{ spec: { paused: true } }, { metadata }, { metadata: { finalizers: null } }]) {
      expect(await patched('plain', 'with-task', change), JSON.stringify(change)).toBeUndefined();
    }
    const status = { status: { lastPhase: 'Succeeded' } };
    expect(await patched('plain', 'with-task', status, 'status')).toBeUndefined();
  });
});
