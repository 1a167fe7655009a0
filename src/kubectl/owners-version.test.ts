import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import {
  HELD_REPLICAS_ANNOTATION,
  INJECTED_ANNOTATION,
  LEARNT_ANNOTATION,
  ON_NEXT_UPDATE_ANNOTATION,
  REFUSED_ANNOTATION,
  REQUESTED_ANNOTATION,
} from '../api/annotations.ts';
import { inject } from '../injection/inject.ts';
import { injectionOptions } from '../injection/options.ts';
import type { Raw } from '../injection/raw.ts';
import type { Wanted } from '../injection/wanted.ts';
import { isIllegible, ownersPatch } from './owners-version.ts';

const repository = {
  name: 'backups',
  secretName: 'storage',
  local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/backups' },
};
const wanted: Wanted = {
  backups: [{ name: 'nightly', repository, directories: ['/data'] }],
  restores: [{ name: 'again', repository, directories: ['/data'] }],
};

const deployment = (annotations: Record<string, string> = {}, replicas = 3): Raw => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', annotations: { owner: 'me', ...annotations } },
  spec: {
    replicas,
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'app', image: 'a', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  },
});

const injected = (workload: Raw, nativeSidecar = false) =>
  inject(workload, wanted, injectionOptions({ image: 'stash:1', nativeSidecar })).workload;

/** `workload` as the API server has it after the patch; a `test` that does not hold throws. */
const patched = (workload: Raw) => {
  const copy = structuredClone(workload);
  return jsonPatch.applyPatch(copy, structuredClone(ownersPatch(workload)) as jsonPatch.Operation[], true)
    .newDocument;
};

const held = (isHeld: boolean) => JSON.stringify({ session: 'uid', replicas: 3, isHeld });

describe("the owner's version of a workload", () => {
  const cases: [string, Raw][] = [
    ['sidecar and init container', injected(deployment())],
    ['a native sidecar', injected(deployment(), true)],
    ['the mark of a touch', injected(deployment({ [REQUESTED_ANNOTATION]: 'hash' }))],
    ['the mark of a refusal', deployment({ [REFUSED_ANNOTATION]: '{}' })],
    ['what was learnt of an injection', injected(deployment({ [LEARNT_ANNOTATION]: 'a.b' }))],
    ['what waits for its owner', injected(deployment({ [ON_NEXT_UPDATE_ANNOTATION]: 'nightly' }))],
    ['the replicas that a restore took', injected(deployment({ [HELD_REPLICAS_ANNOTATION]: held(true) }, 0))],
    ['the memory of replicas given back', deployment({ [HELD_REPLICAS_ANNOTATION]: held(false) })],
    ['replicas that somebody scaled meanwhile', deployment({ [HELD_REPLICAS_ANNOTATION]: held(true) }, 3)],
  ];

  it.each(cases)('is without %s, and then nothing is left to do', (_, workload) => {
    const plain = patched(workload);
    expect(plain).toEqual(deployment());
    expect(ownersPatch(plain)).toEqual([]);
  });

  it('has the replicas that a session remembers, where no annotation tells', () => {
    const replicas = (workload: Raw) =>
      ownersPatch(workload, 5).filter(({ path }) => path === '/spec/replicas');
    expect(replicas(deployment({}, 0))).toMatchObject([{ op: 'test' }, { op: 'replace', value: 5 }]);
    expect(replicas(deployment({ [HELD_REPLICAS_ANNOTATION]: held(true) }, 0))).toMatchObject([
      { op: 'test' },
      { op: 'replace', value: 3 },
    ]);
    expect(replicas(deployment({}, 3))).toEqual([]);
  });

  it('leaves a Deployment at zero that its owner scaled there', () => {
    const workload = deployment({ [HELD_REPLICAS_ANNOTATION]: held(false) }, 0);
    expect(patched(workload)).toEqual(deployment({}, 0));
  });

  it('holds only for the workload that was read', () => {
    const workload = injected(deployment());
    const changed = structuredClone(workload) as { spec: { template: { spec: { hostname?: string } } } };
    changed.spec.template.spec.hostname = 'new';
    expect(() =>
      jsonPatch.applyPatch(changed, ownersPatch(workload) as jsonPatch.Operation[], true),
    ).toThrow();
  });
});

it('knows a record that nobody can read from none, and from one that can be read', () => {
  const workload = structuredClone(deployment()) as {
    spec: { template: { metadata: { annotations?: Record<string, string> } } };
  };
  expect(isIllegible(workload as unknown as Raw)).toBe(false);
  expect(isIllegible(injected(deployment()))).toBe(false);
  workload.spec.template.metadata.annotations = { [INJECTED_ANNOTATION]: '{' };
  expect(isIllegible(workload as unknown as Raw)).toBe(true);
});
