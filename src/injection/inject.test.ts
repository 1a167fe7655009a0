import { describe, expect, it } from 'vitest';
import { INJECTED_ANNOTATION, REFUSED_ANNOTATION } from '../api/annotations.ts';
import {
  backup,
  containerOf,
  deployment,
  NOTHING,
  namesOf,
  OPTIONS,
  podSpecOf,
  REPOSITORY,
  restore,
  sidecarIn,
} from './fixtures.ts';
import { inject, resume } from './inject.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import { readRecord } from './record.ts';
import { writeRefusal } from './refusal.ts';
import type { Wanted } from './wanted.ts';

const BACKUP: Wanted = { backups: [backup()], restores: [] };
const RESTORE: Wanted = { backups: [], restores: [restore()] };
const BOTH: Wanted = { backups: [backup()], restores: [restore()] };
const NATIVE = { ...OPTIONS, nativeSidecar: true };

function templateOf(workload: Raw): Raw {
  return rawOf(rawOf(workload.spec).template);
}

function annotationsOf(workload: Raw): Raw {
  return rawOf(rawOf(templateOf(workload).metadata).annotations);
}

function edited(workload: Raw, template: Raw): Raw {
  return { ...workload, spec: { ...rawOf(workload.spec), template } };
}

function withAnnotation(workload: Raw, value: unknown): Raw {
  const template = templateOf(workload);
  const metadata = rawOf(template.metadata);
  const annotations = { ...rawOf(metadata.annotations), [INJECTED_ANNOTATION]: value };
  return edited(workload, { ...template, metadata: { ...metadata, annotations } });
}

describe('what is put in', () => {
  it('is a sidecar after the other containers, with its volumes', () => {
    const { workload, changed, problems } = inject(deployment(), BACKUP, OPTIONS);
    const spec = podSpecOf(workload);
    expect({ changed, problems }).toEqual({ changed: true, problems: [] });
    expect(namesOf(spec.containers)).toEqual(['app', 'stash']);
    expect(spec).not.toHaveProperty('initContainers');
    expect(containerOf(workload, 'stash')).toMatchObject({
      image: 'stash:1',
      command: ['stash'],
      args: ['agent', 'sidecar', '--configuration=nightly', '--directory=/data'],
      resources: OPTIONS.resources,
      volumeMounts: [
        { name: 'data', mountPath: '/data', readOnly: true },
        { name: 'stash-secret-storage', mountPath: '/stash/secrets/repository', readOnly: true },
        { name: 'stash-claim-backups', mountPath: '/stash/repositories/repository' },
        { name: 'stash-scratch', mountPath: '/stash/scratch' },
        { name: 'stash-token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
      ],
    });
    expect(rawsOf(spec.volumes).slice(1)).toEqual([
      { name: 'stash-secret-storage', secret: { secretName: 'storage', optional: true, defaultMode: 0o444 } },
      { name: 'stash-claim-backups', persistentVolumeClaim: { claimName: 'backups' } },
      { name: 'stash-scratch', emptyDir: {} },
      expect.objectContaining({ name: 'stash-token' }),
    ]);
  });

  it('is a token of our own, whether or not the pod has one', () => {
    for (const automountServiceAccountToken of [true, false]) {
      const { workload } = inject(deployment({ automountServiceAccountToken }), BACKUP, OPTIONS);
      const token = rawsOf(podSpecOf(workload).volumes).find(({ name }) => name === 'stash-token');
      expect(token).toMatchObject({
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
            { configMap: { name: 'kube-root-ca.crt', optional: true } },
            { downwardAPI: { items: [{ path: 'namespace' }] } },
          ],
        },
      });
      expect(podSpecOf(workload)).toMatchObject({ automountServiceAccountToken });
    }
  });

  it('is a restore before the other init containers', () => {
    const { workload } = inject(deployment({ initContainers: [{ name: 'init' }] }), RESTORE, OPTIONS);
    expect(namesOf(podSpecOf(workload).initContainers)).toEqual(['stash-restore', 'init']);
    expect(namesOf(podSpecOf(workload).containers)).toEqual(['app']);
    expect(containerOf(workload, 'stash-restore')).toMatchObject({
      command: ['stash'],
      args: ['agent', 'restore', '--session=again', '--directory=/data'],
    });
  });

  it('is a native sidecar after the other init containers, where the installation has them native', () => {
    const initContainers = [{ name: 'init' }, { name: 'proxy', restartPolicy: 'Always' }];
    const { workload } = inject(deployment({ initContainers }), BOTH, NATIVE);
    expect(namesOf(podSpecOf(workload).initContainers)).toEqual(['stash-restore', 'init', 'proxy', 'stash']);
    expect(namesOf(podSpecOf(workload).containers)).toEqual(['app']);
    expect(containerOf(workload, 'stash').restartPolicy).toBe('Always');
    expect(containerOf(workload, 'stash-restore')).not.toHaveProperty('restartPolicy');
  });

  it("is a classic sidecar where a mount inside a mount has to be made by the user's container first", () => {
    const volumeMounts = [
      { name: 'data', mountPath: '/data' },
      { name: 'data', mountPath: '/data/x', subPath: 'x' },
    ];
    const { workload } = inject(deployment({ containers: [{ name: 'app', volumeMounts }] }), BACKUP, NATIVE);
    expect(namesOf(podSpecOf(workload).containers)).toEqual(['app', 'stash']);
    expect(containerOf(workload, 'stash')).not.toHaveProperty('restartPolicy');
  });

  it('names all that one agent serves, in order', () => {
    const backups = [
      backup({ name: 'b', directories: ['/data/y', '/data/'] }),
      backup({ name: 'a', directories: ['/data'] }),
    ];
    const { workload } = inject(deployment(), { backups, restores: [] }, OPTIONS);
    expect(containerOf(workload, 'stash').args).toEqual([
      ...[
        'agent',
        'sidecar',
        '--configuration=a',
        '--configuration=b',
        '--directory=/data',
        '--directory=/data/y',
      ],
    ]);
  });

  it('has arguments that Kubernetes does not expand', () => {
    expect(sidecarIn({}, backup({ directories: ['/data/$(POD_NAME)'] })).args).toContain(
      '--directory=/data/$$(POD_NAME)',
    );
  });

  it('uses the volume that the workload has of the claim already', () => {
    const volumes = [
      { name: 'data', emptyDir: {} },
      { name: 'mine', persistentVolumeClaim: { claimName: 'backups' } },
    ];
    const { workload } = inject(deployment({ volumes }), BACKUP, OPTIONS);
    expect(JSON.stringify(podSpecOf(workload).volumes).match(/"claimName":"backups"/g)).toHaveLength(1);
    expect(containerOf(workload, 'stash').volumeMounts).toContainEqual({
      name: 'mine',
      mountPath: '/stash/repositories/repository',
    });
  });

  it('is one volume for a claim, which is writable where one repository in it is', () => {
    function at(name: string, readOnly: boolean) {
      const local = { persistentVolumeClaim: { claimName: 'backups', readOnly }, mountPath: `/mnt/${name}` };
      return backup({ name, repository: { ...REPOSITORY, name, local } });
    }
    const { workload } = inject(
      deployment(),
      { backups: [at('a', true), at('b', false)], restores: [] },
      OPTIONS,
    );
    expect(podSpecOf(workload).volumes).toContainEqual({
      name: 'stash-claim-backups',
      persistentVolumeClaim: { claimName: 'backups' },
    });
    expect(containerOf(workload, 'stash').volumeMounts).toEqual(
      expect.arrayContaining([
        { name: 'stash-claim-backups', mountPath: '/mnt/a', readOnly: true },
        { name: 'stash-claim-backups', mountPath: '/mnt/b' },
      ]),
    );
  });

  it('are the pull secrets that are missing', () => {
    const imagePullSecrets = [{ name: 'theirs' }, { name: 'shared' }];
    const options = { ...OPTIONS, imagePullSecrets: ['shared', 'ours'] };
    const x = deployment({ imagePullSecrets });
    const { workload } = inject(x, BACKUP, options);
    expect(namesOf(podSpecOf(workload).imagePullSecrets)).toEqual(['theirs', 'shared', 'ours']);
    expect(inject(workload, NOTHING, options).workload).toEqual(x);
    expect(inject(workload, NOTHING, OPTIONS).workload).toEqual(x);
  });

  it('is recorded', () => {
    const { workload } = inject(deployment(), BOTH, OPTIONS);
    expect(readRecord(annotationsOf(workload))).toMatchObject({
      containers: ['stash'],
      initContainers: ['stash-restore'],
      backups: ['nightly'],
      restores: ['again'],
    });
  });
});

describe('what stands there stays', () => {
  const { workload } = inject(deployment(), BOTH, OPTIONS);

  it.each<[string, Wanted, typeof OPTIONS]>([
    ['nothing has changed', BOTH, OPTIONS],
    ['the operator was upgraded', BOTH, { ...OPTIONS, image: 'stash:2' }],
    [
      'the resources are others',
      BOTH,
      { ...OPTIONS, resources: { requests: { cpu: '1' }, limits: { cpu: '1' } } },
    ],
    ['sidecars are native now', BOTH, NATIVE],
    ['the pull secrets are others', BOTH, { ...OPTIONS, imagePullSecrets: ['new'] }],
    ['the restore is over', BACKUP, OPTIONS],
    [
      'the same is written otherwise',
      { ...BOTH, backups: [backup({ directories: ['/data/', '//data'] })] },
      OPTIONS,
    ],
    [
      'something is wanted too that cannot be had',
      { ...BOTH, backups: [backup(), backup({ name: 'x', directories: ['/none'] })] },
      OPTIONS,
    ],
  ])('where %s', (_, wanted, options) => {
    const again = inject(workload, wanted, options);
    expect(again.changed).toBe(false);
    expect(again.workload).toBe(workload);
    expect(again.problems).toHaveLength(wanted.backups.length - 1);
  });

  it('where the version that put it in gave it fewer capabilities', () => {
    const earlier = JSON.parse(JSON.stringify(workload).replace(',"FSETID"', ''));
    expect(earlier).not.toEqual(workload);
    expect(inject(earlier, BOTH, OPTIONS)).toEqual({ workload: earlier, changed: false, problems: [] });
  });

  it("where the API server adds what is empty to the user's template", () => {
    const template = templateOf(workload);
    const metadata = { ...rawOf(template.metadata), creationTimestamp: null };
    const spec = { ...rawOf(template.spec), securityContext: {} };
    expect(inject(edited(workload, { metadata, spec }), BOTH, OPTIONS).changed).toBe(false);
  });

  it('where nothing is wanted and nothing is in', () => {
    const x = deployment();
    expect(inject(x, NOTHING, OPTIONS)).toEqual({ workload: x, changed: false, problems: [] });
  });
});

describe('what is kept of a sidecar', () => {
  const weekly = backup({ name: 'weekly' });
  const monthly = backup({ name: 'monthly' });
  const others = { directories: ['/data/x'] };
  const { workload } = inject(deployment(), { backups: [backup(), weekly], restores: [] }, OPTIONS);
  const kept = ['weekly'];
  const again = (wanted: Partial<Wanted>, from = workload) =>
    inject(from, { backups: [backup()], restores: [], kept, ...wanted }, OPTIONS);

  it.each<[string, Partial<Wanted>]>([
    ['asks nothing any more', {}],
    ['asks something else by now', { backups: [backup(), { ...weekly, ...others }] }],
    ['is all that is left', { backups: [], kept: ['nightly', 'weekly'] }],
    ['stands beside one that cannot be had', { backups: [backup(), backup({ name: 'x', directories: [] })] }],
  ])('is no reason for a change where it %s', (_, wanted) => {
    expect(again(wanted).workload).toBe(workload);
  });

  it.each<[string, Partial<Wanted>, string[]]>([
    ['another changes', { backups: [backup(others)] }, ['nightly']],
    ['another changes its settings', { backups: [backup({ imagePullSecrets: ['pull'] })] }, ['nightly']],
    ['another comes', { backups: [backup(), monthly] }, ['monthly', 'nightly']],
    ['another goes', { backups: [weekly] }, ['weekly']],
    ['a restore comes', { restores: [restore()] }, ['nightly']],
    ['nothing is kept', { kept: [] }, ['nightly']],
  ])('goes with the next change: %s', (_, wanted, names) => {
    const { changed, workload: after } = again(wanted);
    expect(changed).toBe(true);
    expect(readRecord(annotationsOf(after))?.backups).toEqual(names);
  });

  it('goes where pods are refused with it', () => {
    const annotations = { [REFUSED_ANNOTATION]: writeRefusal(workload, [], 'exceeded quota', OPTIONS) };
    const refused = { ...workload, metadata: { ...rawOf(workload.metadata), annotations } };
    expect(again({ backups: [], kept: ['nightly', 'weekly'] }, refused).changed).toBe(true);
  });
});

describe('it is made anew', () => {
  const old = inject(deployment(), BOTH, OPTIONS).workload;
  const NEW = { ...OPTIONS, image: 'stash:2' };

  it.each<[string, Wanted]>([
    ['another directory', { ...BOTH, backups: [backup({ directories: ['/data/x'] })] }],
    [
      'another Secret',
      { ...BOTH, backups: [backup({ repository: { ...REPOSITORY, secretName: 'other' } })] },
    ],
    ['one more configuration', { ...BOTH, backups: [backup(), backup({ name: 'more' })] }],
    ['another restore', { ...BOTH, restores: [restore({ name: 'other' })] }],
    [
      'a restore of the same name and other directories',
      { ...BOTH, restores: [restore({ directories: ['/data/x'] })] },
    ],
    ['a restore alone', RESTORE],
  ])('for %s', (_, wanted) => {
    const { workload, changed } = inject(old, wanted, NEW);
    expect(changed).toBe(true);
    expect(workload).toEqual(inject(deployment(), wanted, NEW).workload);
  });

  it("where the user's template has changed, as a restart by kubectl changes it", () => {
    const template = templateOf(old);
    const metadata = rawOf(template.metadata);
    const annotations = { ...rawOf(metadata.annotations), 'kubectl.kubernetes.io/restartedAt': 'now' };
    const { workload } = inject(
      edited(old, { ...template, metadata: { ...metadata, annotations } }),
      BACKUP,
      NEW,
    );
    expect(containerOf(workload, 'stash').image).toBe('stash:2');
    expect(podSpecOf(workload)).not.toHaveProperty('initContainers');
  });

  it('where a part of it was taken out', () => {
    const template = templateOf(old);
    const spec = { ...rawOf(template.spec), initContainers: [] };
    const { workload, changed } = inject(edited(old, { ...template, spec }), BOTH, OPTIONS);
    expect(changed).toBe(true);
    expect(namesOf(podSpecOf(workload).initContainers)).toEqual(['stash-restore']);
  });
});

describe('a restore that is made anew under its name', () => {
  it('is put in again, or it would wait for a pod to come by chance', () => {
    const first = inject(deployment(), { ...NOTHING, restores: [restore({ uid: '1' })] }, OPTIONS);
    const same = inject(first.workload, { ...NOTHING, restores: [restore({ uid: '1' })] }, OPTIONS);
    expect(same.changed).toBe(false);
    const anew = inject(first.workload, { ...NOTHING, restores: [restore({ uid: '2' })] }, OPTIONS);
    expect(anew.changed).toBe(true);
  });
});

describe('a workload that is written whole', () => {
  const { workload: before } = inject(deployment(), BACKUP, OPTIONS);

  it('has again what was in it, image and all', () => {
    const resumed = resume(deployment(), before, OPTIONS);
    expect(resumed).toEqual(before);
    expect(inject(resumed, BACKUP, { ...OPTIONS, image: 'stash:2' }).changed).toBe(false);
  });

  it('is as it was written where its owner changed it, or has parts already', () => {
    const changed = deployment({ hostname: 'other' });
    expect(resume(changed, before, OPTIONS)).toBe(changed);
    expect(resume(before, before, OPTIONS)).toBe(before);
    expect(resume(changed, deployment(), OPTIONS)).toBe(changed);
  });
});

describe('removal', () => {
  it.each<[string, Raw]>([
    ['nothing', {}],
    ['empty lists', { initContainers: [], imagePullSecrets: [], volumes: [{ name: 'data' }] }],
    ['nulls', { initContainers: null, imagePullSecrets: null }],
  ])('leaves what was there before: %s', (_, pod) => {
    const x = deployment(pod);
    const options = { ...OPTIONS, imagePullSecrets: ['ours'] };
    for (const template of [
      templateOf(x),
      { spec: podSpecOf(x) },
      { metadata: { annotations: null }, spec: podSpecOf(x) },
    ]) {
      const before = edited(x, template);
      expect(inject(inject(before, BOTH, options).workload, NOTHING, options).workload).toStrictEqual(before);
    }
  });

  it('takes out what has become impossible', () => {
    const { workload } = inject(deployment(), BACKUP, OPTIONS);
    const bad = { ...NOTHING, backups: [backup({ directories: ['/none'] })] };
    const again = inject(workload, bad, OPTIONS);
    expect(again.workload).toEqual(deployment());
    expect(again.problems).toMatchObject([{ reason: 'DirectoryNotMounted' }]);
  });
});

describe('a record that came from elsewhere', () => {
  const record = rawOf(
    JSON.parse(String(annotationsOf(inject(deployment(), BOTH, OPTIONS).workload)[INJECTED_ANNOTATION])),
  );

  it.each<[string, unknown]>([
    ['no JSON', '{'],
    ['another form', '{"containers":"app"}'],
    ['no text', 5],
    ['more than annotations can hold', JSON.stringify({ ...record, backups: ['x'.repeat(300_000)] })],
  ])('takes out nothing: %s', (_, value) => {
    const x = withAnnotation(deployment({ imagePullSecrets: [{ name: 'theirs' }] }), value);
    expect(inject(x, NOTHING, OPTIONS).workload).toBe(x);
    const { workload, problems } = inject(x, BACKUP, OPTIONS);
    expect(problems).toEqual([]);
    expect(namesOf(podSpecOf(workload).containers)).toEqual(['app', 'stash']);
    expect(namesOf(podSpecOf(workload).imagePullSecrets)).toEqual(['theirs']);
  });

  it("takes out nothing of the user's that it names", () => {
    const names = ['app', 'init', 'data', 'theirs'];
    const claimed = {
      ...record,
      containers: names,
      initContainers: names,
      volumes: names,
      imagePullSecrets: names,
    };
    const clean = deployment({ initContainers: [{ name: 'init' }], imagePullSecrets: [{ name: 'theirs' }] });
    const x = withAnnotation(clean, JSON.stringify(claimed));
    expect(inject(x, NOTHING, OPTIONS).workload).toBe(x);
    expect(inject(inject(x, BACKUP, OPTIONS).workload, NOTHING, OPTIONS).workload).toEqual(clean);
  });

  it('of a copied workload leaves with the parts that were copied', () => {
    const copy = { ...inject(deployment(), BOTH, OPTIONS).workload, metadata: { name: 'copy' } };
    expect(inject(copy, NOTHING, OPTIONS).workload).toEqual({ ...deployment(), metadata: { name: 'copy' } });
  });

  it('without its parts changes nothing, where nothing is wanted', () => {
    const x = withAnnotation(deployment(), JSON.stringify(record));
    expect(inject(x, NOTHING, OPTIONS).changed).toBe(false);
  });

  it("that was lost makes our own parts the user's, which are never touched", () => {
    const { workload } = inject(deployment(), BACKUP, OPTIONS);
    const lost = edited(workload, { ...templateOf(workload), metadata: {} });
    expect(inject(lost, NOTHING, OPTIONS).workload).toBe(lost);
    expect(inject(lost, BACKUP, OPTIONS)).toMatchObject({
      changed: false,
      problems: [{ reason: 'NameTaken' }],
    });
  });
});

describe('a StatefulSet', () => {
  const { spec, ...rest } = deployment({ volumes: [] });
  const statefulSet = (name: string): Raw => ({
    ...rest,
    kind: 'StatefulSet',
    spec: { ...rawOf(spec), volumeClaimTemplates: [{ metadata: { name }, spec: {} }] },
  });

  it('has the volumes of its claim templates, and none is put into the pod template', () => {
    const { workload, problems } = inject(statefulSet('data'), BACKUP, OPTIONS);
    expect(problems).toEqual([]);
    expect(containerOf(workload, 'stash').volumeMounts).toContainEqual({
      name: 'data',
      mountPath: '/data',
      readOnly: true,
    });
    expect(namesOf(podSpecOf(workload).volumes)).not.toContain('data');
  });

  it('whose claim template takes a name of ours is left as it is', () => {
    const { changed, problems } = inject(statefulSet('stash-scratch'), BACKUP, OPTIONS);
    expect({ changed, problems }).toMatchObject({ changed: false, problems: [{ reason: 'NameTaken' }] });
  });
});

describe('a restore', () => {
  it('of the name of one that is gone is another, and needs new pods', () => {
    const first = { backups: [], restores: [restore({ uid: 'a' })] };
    const { workload } = inject(deployment(), first, OPTIONS);
    expect(inject(workload, first, OPTIONS).changed).toBe(false);
    const again = { backups: [], restores: [restore({ uid: 'b' })] };
    expect(inject(workload, again, OPTIONS).changed).toBe(true);
  });
});

const many = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}` }));

/** Each mount is inside the one before. */
const chain = Array.from({ length: 400 }, (_, index) => ({
  name: 'v',
  mountPath: `/d${'/d'.repeat(index)}`,
}));

describe('what is no workload of ours', () => {
  it.each<[string, unknown, string]>([
    ['another kind', { ...deployment(), kind: 'ReplicaSet' }, 'UnsupportedWorkload'],
    ['another group', { ...deployment(), apiVersion: 'apps.example.com/v1' }, 'UnsupportedWorkload'],
    ['no template', { spec: {} }, 'MalformedWorkload'],
    ['no containers', deployment({ containers: [] }), 'MalformedWorkload'],
    ['a list that is none', deployment({ volumes: 'x' }), 'MalformedWorkload'],
    [
      'annotations that are none',
      edited(deployment(), { metadata: { annotations: 'x' }, spec: podSpecOf(deployment()) }),
      'MalformedWorkload',
    ],
    ['nothing', null, 'MalformedWorkload'],
    ['thousands of volumes', deployment({ volumes: many(4_000, 'v') }), 'WorkloadTooLarge'],
    ['thousands of containers', deployment({ containers: many(4_000, 'c') }), 'WorkloadTooLarge'],
    [
      'hundreds of mounts',
      deployment({ containers: [{ name: 'c', volumeMounts: chain }] }),
      'WorkloadTooLarge',
    ],
  ])('is refused and returned as it is: %s', (_, workload, reason) => {
    const result = inject(workload as Raw, BOTH, OPTIONS);
    expect(result).toMatchObject({ changed: false, problems: [{ reason }, { reason }] });
    expect(result.workload).toBe(workload);
  });

  it('is not refused for want of a kind, as objects out of a list are', () => {
    const { apiVersion: _, kind: __, ...listed } = deployment();
    expect(inject(listed, BACKUP, OPTIONS)).toMatchObject({ changed: true, problems: [] });
  });
});
