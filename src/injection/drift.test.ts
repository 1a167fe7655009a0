import { describe, expect, it } from 'vitest';
import { LEARNT_ANNOTATION } from '../api/annotations.ts';
import { hasDrifted, learntOf, stateOf } from './drift.ts';
import { backup, containerOf, deployment, OPTIONS, podSpecOf } from './fixtures.ts';
import { inject } from './inject.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import type { Wanted } from './wanted.ts';

const WANTED: Wanted = { backups: [backup()], restores: [] };

/** As an API server would return it: with defaults of its own. */
function stored(workload: Raw): Raw {
  const spec = podSpecOf(workload);
  const defaults = { terminationMessagePath: '/dev/termination-log', imagePullPolicy: 'IfNotPresent' };
  return withPod(workload, {
    ...spec,
    dnsPolicy: 'ClusterFirst',
    containers: rawsOf(spec.containers).map((container) => ({ ...defaults, ...container })),
  });
}

function withPod(workload: Raw, spec: Raw): Raw {
  const outer = rawOf(workload.spec);
  return { ...workload, spec: { ...outer, template: { ...rawOf(outer.template), spec } } };
}

function withSidecar(workload: Raw, fields: Raw): Raw {
  const spec = podSpecOf(workload);
  const containers = rawsOf(spec.containers).map((each) =>
    each.name === 'stash' ? { ...each, ...fields } : each,
  );
  return withPod(workload, { ...spec, containers });
}

function learn(workload: Raw): Raw {
  const metadata = rawOf(workload.metadata);
  const annotations = { ...rawOf(metadata.annotations), [LEARNT_ANNOTATION]: stateOf(workload) };
  return { ...workload, metadata: { ...metadata, annotations } };
}

const injected = stored(inject(deployment(), WANTED, OPTIONS).workload);
const learnt = learn(injected);

describe('what stands in a workload', () => {
  it('is not doubted before it was learnt what the API server made of it', () => {
    expect(hasDrifted(injected)).toBe(false);
    expect(inject(injected, WANTED, OPTIONS).changed).toBe(false);
  });

  it('is as it was learnt, defaults and all', () => {
    expect(learntOf(learnt)).toBe(stateOf(learnt));
    expect(inject(learnt, WANTED, OPTIONS).changed).toBe(false);
  });

  const edits: [string, Raw][] = [
    ['the image', { image: 'elsewhere:1' }],
    ['the command', { command: ['sleep', 'infinity'] }],
    ['the arguments', { args: ['agent', 'sidecar'] }],
    ['the mounts', { volumeMounts: [] }],
    ['the user', { securityContext: { privileged: true } }],
    ['a hook that was added', { lifecycle: { preStop: { exec: { command: ['true'] } } } }],
  ];

  it.each(edits)('is put right where somebody changed %s of the sidecar', (_, fields) => {
    const { workload, changed } = inject(withSidecar(learnt, fields), WANTED, OPTIONS);
    expect(changed).toBe(true);
    expect(containerOf(workload, 'stash')).toEqual(
      containerOf(inject(deployment(), WANTED, OPTIONS).workload, 'stash'),
    );
    expect(hasDrifted(stored(workload))).toBe(false);
  });

  it('is put right where somebody changed a volume of ours', () => {
    const spec = podSpecOf(learnt);
    const volumes = rawsOf(spec.volumes).map((volume) =>
      volume.name === 'stash-scratch' ? { name: 'stash-scratch', hostPath: { path: '/' } } : volume,
    );
    const { workload } = inject(withPod(learnt, { ...spec, volumes }), WANTED, OPTIONS);
    expect(rawsOf(podSpecOf(workload).volumes)).toContainEqual({ name: 'stash-scratch', emptyDir: {} });
  });

  it('is its owner’s to change elsewhere, and is learnt anew with the next injection', () => {
    const changed = inject(
      withPod(learnt, { ...podSpecOf(learnt), hostname: 'web' }),
      WANTED,
      OPTIONS,
    ).workload;
    expect(learntOf(changed)).toBeUndefined();
    expect(hasDrifted(changed)).toBe(false);
  });

  it('is what its record says: one that was made with another image is no drift', () => {
    const rendered = inject(deployment(), WANTED, { ...OPTIONS, image: 'stash:2' }).workload;
    const applied = stored({ ...rendered, metadata: learnt.metadata });
    expect(hasDrifted(applied)).toBe(false);
    expect(containerOf(inject(applied, WANTED, OPTIONS).workload, 'stash').image).toBe('stash:2');
  });

  it('stays through an upgrade of the operator', () => {
    const upgraded = { ...OPTIONS, image: 'stash:2', nativeSidecar: true };
    expect(inject(learnt, WANTED, upgraded).workload).toBe(learnt);
  });

  it.each(['', 'x', '.', 'a.b'])('is not judged by an annotation that says %j', (value) => {
    const metadata = { ...rawOf(injected.metadata), annotations: { [LEARNT_ANNOTATION]: value } };
    expect(hasDrifted({ ...injected, metadata })).toBe(false);
  });

  it('has no state where nothing was put in', () => {
    expect(stateOf(deployment())).toBeUndefined();
    expect(hasDrifted(learn(deployment()))).toBe(false);
  });
});
