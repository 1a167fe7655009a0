import { applyPatch, type Operation } from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { ON_NEXT_UPDATE_ANNOTATION, REFUSED_ANNOTATION } from '../api/annotations.ts';
import { inject } from '../injection/inject.ts';
import { writeRefusal } from '../injection/refusal.ts';
import type { Wanted } from '../injection/wanted.ts';
import { mutateWorkloads } from './mutate-workloads.ts';
import { recordOf } from './record.ts';
import { deployment, requestFor } from './review.fixture.ts';
import { ALLOWED, type Allowed, type Verdict } from './verdict.ts';

const nothing: Wanted = { backups: [], restores: [] };
const backup = (directory: string): Wanted => ({
  backups: [
    {
      name: 'daily',
      directories: [directory],
      repository: {
        name: 'shop',
        secretName: 'shop-secret',
        local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/stash/repositories/shop' },
      },
    },
  ],
  restores: [],
});
const options = {
  image: 'stash:test',
  imagePullSecrets: [],
  nativeSidecar: false,
  resources: { requests: { cpu: '10m' } },
};

function handlerFor(wanted: Wanted | Error) {
  const logged: unknown[] = [];
  const handle = mutateWorkloads({
    wantedFor: (namespace, kind, name) => {
      if (wanted instanceof Error) throw wanted;
      return `${namespace}/${kind}/${name}` === 'demo/Deployment/shop' ? wanted : nothing;
    },
    wantedAtRest: (_namespace, want) => want,
    injection: options,
    log: { error: (fields: unknown) => logged.push(fields) },
  });
  return { handle, logged };
}

const patched = (object: unknown, verdict: Verdict) =>
  applyPatch(structuredClone(object), (verdict as Allowed).patch as Operation[]).newDocument;

describe('mutateWorkloads', () => {
  const { handle } = handlerFor(backup('/source/data'));

  it('puts the sidecar in, and writes nothing that stays', () => {
    const verdict = handle(requestFor()) as Allowed;
    const written = verdict.patch?.map(({ op, path }) => `${op} ${path}`);
    expect(written?.slice(0, 3)).toEqual([
      'add /spec/template/metadata/annotations',
      'add /spec/template/spec/containers/1',
      'add /spec/template/spec/volumes/1',
    ]);
    expect(written?.every((each) => each.startsWith('add '))).toBe(true);
    expect(verdict.warnings).toEqual([]);
    expect(patched(deployment, verdict)).toEqual(
      inject(deployment, backup('/source/data'), options).workload,
    );
  });

  it('gives a workload that is written whole what was in it, so that an upgrade of ours rolls nothing', () => {
    const before = patched(deployment, handle(requestFor())) as Record<string, unknown>;
    const upgraded = mutateWorkloads({
      wantedFor: () => backup('/source/data'),
      wantedAtRest: (_namespace, want) => want,
      injection: { ...options, image: 'stash:next' },
      log: { error: () => {} },
    });
    const verdict = upgraded(requestFor({ operation: 'UPDATE', oldObject: before }));
    expect(patched(deployment, verdict)).toEqual(before);
  });

  describe('what waits for its owner', () => {
    const patient = mutateWorkloads({
      wantedFor: () => nothing,
      wantedAtRest: (_namespace, want, workload) =>
        recordOf(recordOf(recordOf(workload).metadata).annotations)[ON_NEXT_UPDATE_ANNOTATION] === 'daily'
          ? undefined
          : want,
      injection: options,
      log: { error: () => {} },
    });
    const injected = patched(deployment, handle(requestFor())) as typeof deployment;
    const annotations = { [ON_NEXT_UPDATE_ANNOTATION]: 'daily' };
    const standing = { ...injected, metadata: { ...injected.metadata, annotations } };
    const update = (object: Record<string, unknown>) =>
      patient(requestFor({ operation: 'UPDATE', object, oldObject: standing }));

    it('stays where nothing is wanted any more, through whatever is no change of the template', () => {
      expect(update({ ...standing, spec: { ...standing.spec, replicas: 5 } })).toEqual(ALLOWED);
    });

    it('stays, and is remembered, where the owner writes the workload whole', () => {
      expect(patched(deployment, update(deployment))).toEqual(standing);
    });

    it('goes with the next change of the template', () => {
      const object = structuredClone(standing);
      Object.assign(object.spec.template.spec, { hostname: 'other' });
      const { hostname: _, ...spec } = recordOf(
        (patched(object, update(object)) as typeof deployment).spec.template.spec,
      );
      expect(spec).toEqual(deployment.spec.template.spec);
    });

    it('may be forgotten by the operator', () => {
      const object = { ...standing, metadata: injected.metadata };
      expect(patched(object, update(object))).not.toHaveProperty(['metadata', 'annotations']);
    });
  });

  it('changes nothing in what it has changed already, as a reinvocation shows', () => {
    const once = patched(deployment, handle(requestFor())) as Record<string, unknown>;
    expect(handle(requestFor({ object: once }))).toEqual(ALLOWED);
  });

  describe('what pods are refused with', () => {
    const { backups } = backup('/source/data');
    const wanted = { backups: backups.map((each) => ({ ...each, edition: 'daily.1' })), restores: [] };
    const { handle } = handlerFor(wanted);
    const injected = patched(deployment, handle(requestFor())) as typeof deployment;
    const mark = writeRefusal(injected, ['daily.1'], 'exceeded quota', options);
    const annotations = { [REFUSED_ANNOTATION]: mark };
    const marked = { ...injected, metadata: { ...injected.metadata, annotations } };
    const taken = { ...marked, spec: deployment.spec };

    it('is taken out by the mark alone, with a warning', () => {
      const verdict = handle(
        requestFor({ operation: 'UPDATE', object: marked, oldObject: injected }),
      ) as Allowed;
      expect(patched(marked, verdict)).toEqual(taken);
      expect(verdict.warnings).toEqual([expect.stringContaining('exceeded quota')]);
    });

    it('stays out where the owner writes the workload whole, without the mark', () => {
      for (const metadata of [deployment.metadata, { ...deployment.metadata, annotations: { a: 'b' } }]) {
        const object = { ...deployment, metadata };
        const verdict = handle(requestFor({ operation: 'UPDATE', object, oldObject: taken })) as Allowed;
        const kept = { ...('annotations' in metadata ? metadata.annotations : {}), ...annotations };
        expect(patched(object, verdict)).toEqual({ ...object, metadata: { ...metadata, annotations: kept } });
      }
    });

    it('is put in again with another template, and the mark is not kept', () => {
      const object = structuredClone(deployment);
      Object.assign(object.spec.template.spec, { hostname: 'other' });
      const verdict = handle(requestFor({ operation: 'UPDATE', object, oldObject: taken }));
      expect(patched(object, verdict)).toEqual(inject(object, wanted, options).workload);
    });
  });

  it('loses no field that it does not know', () => {
    const object = structuredClone(deployment) as Record<string, unknown> & typeof deployment;
    Object.assign(object.spec.template.spec, { fieldOfNextYear: { deep: [1, 2] } });
    Object.assign(object.spec, { anotherOne: true });
    const after = patched(object, handle(requestFor({ object }))) as typeof object;
    expect(after.spec.template.spec).toMatchObject({ fieldOfNextYear: { deep: [1, 2] } });
    expect(after.spec).toMatchObject({ anotherOne: true });
  });

  it('warns of what it cannot put in, and lets the workload pass', () => {
    const verdict = handlerFor(backup('/elsewhere')).handle(requestFor()) as Allowed;
    expect(verdict).toMatchObject({ allowed: true });
    expect(verdict.patch).toBeUndefined();
    expect(verdict.warnings).toHaveLength(1);
    expect(verdict.warnings?.[0]).toContain(
      'stash: BackupConfiguration daily is left out: spec.target.directories',
    );
    expect(verdict.warnings?.[0]).toContain('/elsewhere');
  });

  it('lets the workload pass when it fails itself, with a warning and a line in the log', () => {
    const { handle: failing, logged } = handlerFor(new Error('the caches are upside down'));
    const verdict = failing(requestFor()) as Allowed;
    expect(verdict.allowed).toBe(true);
    expect(verdict.patch).toBeUndefined();
    expect(verdict.warnings?.[0]).toContain('nothing was put into Deployment shop');
    expect(logged).toMatchObject([{ namespace: 'demo', name: 'shop', kind: 'Deployment' }]);
  });

  const passes: [string, Parameters<typeof requestFor>[0]][] = [
    ['what nobody wants anything of', { name: 'other' }],
    ['what has no name yet', { name: '', object: { ...deployment, metadata: { generateName: 'shop-' } } }],
    ['a deletion', { operation: 'DELETE', object: undefined, oldObject: deployment }],
    ['a connection', { operation: 'CONNECT' }],
    ['a subresource', { operation: 'UPDATE', subResource: 'scale' }],
    [
      'what is being deleted',
      {
        operation: 'UPDATE',
        object: { ...deployment, metadata: { name: 'shop', deletionTimestamp: '2026-01-01T00:00:00Z' } },
      },
    ],
  ];

  it.each(passes)('passes %s on unchanged', (_, difference) => {
    expect(handle(requestFor(difference))).toBe(ALLOWED);
  });
});
