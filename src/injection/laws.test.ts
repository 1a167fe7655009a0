import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INJECTED_ANNOTATION, REFUSED_ANNOTATION } from '../api/annotations.ts';
import { anything, options, wants, workloads } from './arbitraries.ts';
import { NOTHING, podSpecOf } from './fixtures.ts';
import { inject, remove } from './inject.ts';
import { normalPath } from './paths.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import { writeRefusal } from './refusal.ts';

const OURS = ['stash', 'stash-restore'];

/** So that a law does not hold for want of anything that is put in. */
function countInjected(): (changed: boolean) => void {
  let runs = 0;
  let injected = 0;
  return (changed) => {
    runs += 1;
    if (changed) injected += 1;
    if (runs === 300) expect(injected).toBeGreaterThan(20);
  };
}

const RUNS = { numRuns: 300 };

describe('injection', () => {
  it('done again changes nothing, byte for byte, whatever has become of the options', () => {
    const count = countInjected();
    fc.assert(
      fc.property(workloads, wants, options, options, (x, wanted, was, is) => {
        const first = inject(x, wanted, was);
        count(first.changed);
        const again = inject(first.workload, wanted, is);
        expect(again.workload).toBe(first.workload);
        expect(again.changed).toBe(false);
        expect(again.problems).toEqual(first.problems);
      }),
      RUNS,
    );
  });

  it('leaves nothing behind when it is removed', () => {
    fc.assert(
      fc.property(workloads, wants, options, options, (x, wanted, was, is) => {
        const { workload } = inject(x, wanted, was);
        expect(remove(workload, is).workload).toStrictEqual(x);
      }),
      RUNS,
    );
  });

  it('leaves nothing behind when nothing is wanted any more, but for restores alone, which stay until the next change', () => {
    fc.assert(
      fc.property(workloads, wants, options, options, (x, wanted, was, is) => {
        const { workload } = inject(x, wanted, was);
        const hasBackups = inject(x, { ...wanted, restores: [] }, was).changed;
        expect(inject(workload, NOTHING, is).workload).toStrictEqual(hasBackups ? x : workload);
      }),
      RUNS,
    );
  });

  it('takes out all that pods are refused with, byte for byte, and does not put it in again', () => {
    const count = countInjected();
    fc.assert(
      fc.property(workloads, wants, options, (x, { backups, restores }, o) => {
        const wanted = {
          backups: backups.map((each) => ({ ...each, edition: `backup ${each.name}` })),
          restores: restores.map((each) => ({ ...each, edition: `restore ${each.name}` })),
        };
        const first = inject(x, wanted, o);
        count(first.changed);
        if (!first.changed) return;
        const editions = [...wanted.backups, ...wanted.restores].map(({ edition }) => edition);
        const mark = writeRefusal(first.workload, editions, 'exceeded quota', o);
        const annotations = { [REFUSED_ANNOTATION]: mark };
        const marked: Raw = { ...first.workload, metadata: { ...rawOf(x.metadata), annotations } };
        const second = inject(marked, wanted, o);
        expect(second.workload.spec).toStrictEqual(x.spec);
        expect(second.problems).toHaveLength(editions.length);
        const third = inject(second.workload, wanted, o);
        expect(third.workload).toBe(second.workload);
        expect(third.problems).toEqual(second.problems);
      }),
      RUNS,
    );
  });

  it('does not depend on what was in before, where it changes anything', () => {
    const count = countInjected();
    fc.assert(
      fc.property(workloads, wants, wants, options, (x, a, b, o) => {
        const change = inject(inject(x, a, o).workload, b, o);
        count(change.changed);
        const fresh = inject(x, b, o);
        expect(change.problems).toEqual(fresh.problems);
        if (change.changed) expect(change.workload).toEqual(fresh.workload);
        else expect(change.workload).toEqual(inject(x, { ...a, backups: b.backups }, o).workload);
      }),
      RUNS,
    );
  });

  it('does not depend on the order in which things are wanted, or on what ran before', () => {
    fc.assert(
      fc.property(workloads, wants, options, (x, wanted, o) => {
        const reversed = { backups: wanted.backups.toReversed(), restores: wanted.restores.toReversed() };
        expect(inject(x, reversed, o)).toEqual(inject(x, wanted, o));
      }),
      RUNS,
    );
  });

  it("neither changes nor moves what is the user's, and never writes to what it is given", () => {
    fc.assert(
      fc.property(workloads, wants, options, (x, wanted, o) => {
        const before = structuredClone(x);
        const { workload, changed } = inject(x, wanted, o);
        expect(x).toStrictEqual(before);
        if (!changed) return;
        const [theirs, now] = [podSpecOf(x), podSpecOf(workload)];
        for (const field of Object.keys({ ...theirs, ...now })) {
          if (!['containers', 'initContainers', 'volumes', 'imagePullSecrets'].includes(field)) {
            expect(now[field]).toBe(theirs[field]);
            continue;
          }
          const users = rawsOf(theirs[field]);
          expect(rawsOf(now[field]).filter((entry) => users.includes(entry))).toEqual(users);
        }
        for (const field of Object.keys(x)) if (field !== 'spec') expect(workload[field]).toBe(x[field]);
      }),
      RUNS,
    );
  });

  it('serves each that is wanted, or says what is wrong with it', () => {
    fc.assert(
      fc.property(workloads, wants, options, (x, wanted, o) => {
        const { workload, problems } = inject(x, wanted, o);
        const args = ours(workload).flatMap((container) => container.args as string[]);
        for (const { name } of wanted.backups) {
          const served = args.includes(`--configuration=${name}`);
          expect(served).toBe(!problems.some((p) => p.subject === 'BackupConfiguration' && p.name === name));
        }
        for (const { name } of wanted.restores) {
          const served = args.includes(`--session=${name}`);
          expect(served).toBe(!problems.some((p) => p.subject === 'RestoreSession' && p.name === name));
        }
      }),
      RUNS,
    );
  });

  it('makes containers that Kubernetes accepts, and that can do no harm', () => {
    fc.assert(
      fc.property(workloads, wants, options, (x, wanted, o) => {
        const { workload, changed } = inject(x, wanted, o);
        if (!changed) return;
        const spec = podSpecOf(workload);
        const volumes = rawsOf(spec.volumes).map(({ name }) => name);
        const names = [...rawsOf(spec.containers), ...rawsOf(spec.initContainers)].map(({ name }) => name);
        expect(new Set(volumes).size).toBe(volumes.length);
        expect(new Set(names).size).toBe(names.length);
        const usersVolumes = rawsOf(podSpecOf(x).volumes).map(({ name }) => name);
        const claims = x.kind === 'StatefulSet' ? rawsOf(rawOf(x.spec).volumeClaimTemplates) : [];
        const mountable = [...volumes, ...claims.map(({ metadata }) => rawOf(metadata).name)];
        for (const container of ours(workload)) {
          const mounts = rawsOf(container.volumeMounts);
          const paths = mounts.map(({ mountPath }) => mountPath);
          expect(new Set(paths).size).toBe(paths.length);
          for (const { name, mountPath, readOnly } of mounts) {
            expect(mountable).toContain(name);
            expect(mountPath).toBe(normalPath(String(mountPath)));
            const isRepository = String(mountPath).startsWith('/mnt/');
            if (container.name === 'stash' && usersVolumes.includes(name) && !isRepository)
              expect(readOnly).toBe(true);
          }
        }
        for (const volume of rawsOf(spec.volumes).filter(({ name }) => !usersVolumes.includes(name))) {
          if (volume.secret !== undefined) expect(volume.secret).toMatchObject({ optional: true });
          if (volume.emptyDir !== undefined) expect(volume.emptyDir).toEqual({});
        }
      }),
      RUNS,
    );
  });

  it('gains no right: where root is forbidden nothing of ours is root or has a capability', () => {
    fc.assert(
      fc.property(workloads, wants, options, (x, wanted, o) => {
        const spec = podSpecOf(x);
        const users = [...rawsOf(spec.containers), ...rawsOf(spec.initContainers)];
        const all = users.map(
          ({ securityContext }) => ({ ...rawOf(spec.securityContext), ...rawOf(securityContext) }) as Raw,
        );
        for (const container of ours(inject(x, wanted, o).workload)) {
          const context = rawOf(container.securityContext);
          expect(context).toMatchObject({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            seccompProfile: { type: 'RuntimeDefault' },
            capabilities: { drop: ['ALL'] },
          });
          if (!all.every(({ runAsNonRoot, runAsUser }) => runAsNonRoot === true && runAsUser !== 0)) continue;
          expect({ ...rawOf(spec.securityContext), ...context }).toMatchObject({ runAsNonRoot: true });
          expect(context.runAsUser).not.toBe(0);
          expect(context.capabilities).toEqual({ drop: ['ALL'] });
        }
      }),
      RUNS,
    );
  });
});

describe('what is not a workload', () => {
  it('is returned as it is, whatever it is', () => {
    fc.assert(
      fc.property(anything, wants, options, (json, wanted, o) => {
        const { workload, changed, problems } = inject(json as Raw, wanted, o);
        expect(workload).toBe(json);
        expect(changed).toBe(false);
        expect(problems).toHaveLength(wanted.backups.length + wanted.restores.length);
      }),
    );
  });

  it('does no harm in any field of one', () => {
    const fields = fc.dictionary(
      fc.constantFrom('volumes', 'initContainers', 'imagePullSecrets', 'securityContext'),
      anything,
    );
    const container = fc.dictionary(
      fc.constantFrom(
        'name',
        'volumeMounts',
        'volumeDevices',
        'env',
        'envFrom',
        'resources',
        'securityContext',
      ),
      fc.oneof(anything, fc.array(fc.dictionary(fc.constantFrom('name', 'mountPath', 'value'), anything))),
    );
    fc.assert(
      fc.property(workloads, fields, container, wants, options, (x, broken, entry, wanted, o) => {
        const spec = { ...podSpecOf(x), ...broken };
        const list = [...rawsOf(spec.containers), entry];
        const odd = { ...x, spec: { template: { spec: { ...spec, containers: list } } } };
        const { workload } = inject(odd, wanted, o);
        expect(rawsOf(podSpecOf(workload).containers)).toEqual(expect.arrayContaining(list));
        expect(remove(workload, o).workload).toEqual(odd);
      }),
      RUNS,
    );
  });

  it("takes nothing of the user's out, as a record", () => {
    const names = fc.array(fc.constantFrom('app0', 'init0', 'data', 'cache', 'theirs', 'stash-token'));
    const record = fc.record({
      ...{
        containers: names,
        initContainers: names,
        volumes: names,
        imagePullSecrets: names,
        backups: names,
      },
      ...{
        restores: names,
        restoresServed: names,
        backupsServed: names,
        backupsWanted: fc.string(),
        template: fc.string(),
      },
      before: fc.dictionary(
        fc.constantFrom('volumes', 'metadata', 'annotations'),
        fc.constantFrom('absent', 'null', 'x'),
      ),
    });
    fc.assert(
      fc.property(workloads, fc.oneof(record, anything), wants, options, (x, value, wanted, o) => {
        const annotations = { [INJECTED_ANNOTATION]: JSON.stringify(value) };
        const spec = podSpecOf(x);
        const forged = { ...x, spec: { template: { metadata: { annotations }, spec } } };
        const now = podSpecOf(inject(forged, wanted, o).workload);
        for (const field of ['containers', 'initContainers', 'volumes', 'imagePullSecrets']) {
          expect(rawsOf(now[field])).toEqual(expect.arrayContaining(rawsOf(spec[field])));
        }
      }),
      RUNS,
    );
  });
});

function ours(workload: Raw): Raw[] {
  const { containers, initContainers } = podSpecOf(workload);
  const all = [...rawsOf(containers), ...rawsOf(initContainers)];
  return all.filter(({ name, command }) => OURS.includes(String(name)) && command !== undefined);
}
