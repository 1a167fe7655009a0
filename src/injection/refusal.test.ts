import { describe, expect, it } from 'vitest';
import { REFUSED_ANNOTATION } from '../api/annotations.ts';
import { backup, deployment, NOTHING, namesOf, OPTIONS, podSpecOf, restore } from './fixtures.ts';
import { inject } from './inject.ts';
import { podTemplateOf } from './pod.ts';
import { type Raw, rawOf } from './raw.ts';
import { carryRefusal, isRefused, isVoid, readRefusal, writeRefusal } from './refusal.ts';
import type { InjectionOptions, Wanted } from './wanted.ts';

const SAID = 'must be less than or equal to memory limit of 64Mi';
const nightly = backup({ edition: 'nightly.1' });
const again = restore({ edition: 'again.1' });
const wanted: Wanted = { backups: [nightly], restores: [] };

const owners = withMetadata(deployment(), { uid: 'web-uid' });
const injected = inject(owners, wanted, OPTIONS).workload;

function withMetadata(workload: Raw, more: Raw): Raw {
  return { ...workload, metadata: { ...rawOf(workload.metadata), ...more } };
}

function marked(workload: Raw, editions = ['nightly.1']): Raw {
  const mark = writeRefusal(workload, editions, SAID, OPTIONS);
  return withMetadata(workload, { annotations: { [REFUSED_ANNOTATION]: mark } });
}

const namesIn = (workload: Raw) => {
  const { initContainers, containers } = podSpecOf(workload);
  return [...namesOf(initContainers), ...namesOf(containers)];
};

describe('what pods are refused with', () => {
  const taken = inject(marked(injected), wanted, OPTIONS);

  it('is taken out, and is a problem that tells what the API server said', () => {
    expect(podTemplateOf(taken.workload)).toEqual(podTemplateOf(owners));
    expect(taken.problems).toMatchObject([
      { subject: 'BackupConfiguration', name: 'nightly', reason: 'PodsRefused', path: 'spec.target.ref' },
    ]);
    expect(taken.problems[0]?.message).toContain(SAID);
  });

  it('stays out, however often it is looked at', () => {
    const next = inject(taken.workload, wanted, OPTIONS);
    expect(next.workload).toBe(taken.workload);
    expect(next.problems).toEqual(taken.problems);
  });

  const moved = structuredClone(taken.workload) as Raw;
  Object.assign(rawOf(podTemplateOf(moved)?.metadata), { annotations: { restartedAt: 'now' } });
  const others: [string, Raw, Wanted, InjectionOptions][] = [
    [
      'its configuration is another',
      taken.workload,
      { ...wanted, backups: [{ ...nightly, edition: 'nightly.2' }] },
      OPTIONS,
    ],
    ['its owner changes the template', moved, wanted, OPTIONS],
    ['the agent asks for less', taken.workload, wanted, { ...OPTIONS, resources: { requests: {} } }],
    ['the image comes from elsewhere', taken.workload, wanted, { ...OPTIONS, image: 'mirror:5000/stash:1' }],
    [
      'the mark was copied from another workload',
      withMetadata(taken.workload, { uid: 'b' }),
      wanted,
      OPTIONS,
    ],
  ];
  it.each(others)('is tried again where %s', (_, workload, want, options) => {
    const { workload: now, problems } = inject(workload, want, options);
    expect(namesIn(now)).toEqual(['app', 'stash']);
    expect(problems).toEqual([]);
    expect(
      isVoid(
        workload,
        want.backups.map(({ edition = '' }) => edition),
        options,
      ),
    ).toBe(true);
  });

  it.each(['stash:2', 'stash', 'stash:1@sha256:0'])('is not tried again for an upgrade to %s', (image) => {
    expect(inject(taken.workload, wanted, { ...OPTIONS, image }).changed).toBe(false);
    expect(isVoid(taken.workload, ['nightly.1'], { ...OPTIONS, image })).toBe(false);
  });

  it('does not keep out what is new; where pods are refused with that too, both stay out', () => {
    const weekly = backup({ name: 'weekly', edition: 'weekly.1' });
    const both = { ...wanted, backups: [nightly, weekly] };
    const one = inject(taken.workload, both, OPTIONS);
    expect(namesIn(one.workload)).toEqual(['app', 'stash']);
    expect(one.problems).toMatchObject([{ name: 'nightly', reason: 'PodsRefused' }]);
    const none = inject(marked(one.workload, ['weekly.1']), both, OPTIONS);
    expect(podTemplateOf(none.workload)).toEqual(podTemplateOf(owners));
    expect(none.problems.map(({ name }) => name)).toEqual(['nightly', 'weekly']);
  });

  it('leaves the sidecar in where it is a restore', () => {
    const both: Wanted = { ...wanted, restores: [again] };
    const { workload } = inject(owners, both, OPTIONS);
    expect(namesIn(workload)).toEqual(['stash-restore', 'app', 'stash']);
    const { workload: now, problems } = inject(marked(workload, ['again.1']), both, OPTIONS);
    expect(namesIn(now)).toEqual(['app', 'stash']);
    expect(problems).toMatchObject([{ subject: 'RestoreSession', name: 'again', reason: 'PodsRefused' }]);
    expect(isRefused(now)).toBe(false);
    expect(inject(now, both, OPTIONS).changed).toBe(false);
  });

  it.each([
    ['nothing else is wanted', NOTHING, ['app']],
    ['a backup is', wanted, ['app', 'stash']],
  ])('goes though it is of a restore that is over, where %s', (_, want, left) => {
    const { workload } = inject(owners, { ...want, restores: [again] }, OPTIONS);
    expect(namesIn(inject(workload, want, OPTIONS).workload)[0]).toBe('stash-restore');
    expect(namesIn(inject(marked(workload, []), want, OPTIONS).workload)).toEqual(left);
  });
});

describe('the mark', () => {
  it('tells that what was refused is still in, and stays until that is out', () => {
    expect(isRefused(marked(injected))).toBe(true);
    expect(isVoid(marked(injected), [], OPTIONS)).toBe(false);
  });

  it('is void once nothing is left that it keeps out', () => {
    const { workload } = inject(marked(injected), wanted, OPTIONS);
    expect(isVoid(workload, ['nightly.1', 'weekly.1'], OPTIONS)).toBe(false);
    expect(isVoid(workload, ['weekly.1'], OPTIONS)).toBe(true);
    expect(isVoid(owners, [], OPTIONS)).toBe(false);
  });

  it.each(['', '{', '[]', '{"circumstances":1}', '{"circumstances":"a","injection":"b","message":"c"}'])(
    'that cannot be read leaves nothing out: %s',
    (value) => {
      const odd = withMetadata(owners, { annotations: { [REFUSED_ANNOTATION]: value } });
      expect(readRefusal(odd)).toBeUndefined();
      expect(namesIn(inject(odd, wanted, OPTIONS).workload)).toEqual(['app', 'stash']);
      expect(isVoid(odd, ['nightly.1'], OPTIONS)).toBe(true);
    },
  );

  it('is kept where the owner writes the workload whole, without it and without its uid', () => {
    const { workload } = inject(marked(injected), wanted, OPTIONS);
    const whole = deployment();
    expect(namesIn(inject(whole, wanted, OPTIONS).workload)).toEqual(['app', 'stash']);
    expect(inject(carryRefusal(whole, workload), wanted, OPTIONS).problems).toHaveLength(1);
    expect(carryRefusal(whole, owners)).toBe(whole);
    expect(carryRefusal(whole, undefined)).toBe(whole);
  });

  it('is no longer than an annotation should be', () => {
    expect(writeRefusal(injected, [], 'x'.repeat(9_000), OPTIONS).length).toBeLessThan(1_500);
  });
});
