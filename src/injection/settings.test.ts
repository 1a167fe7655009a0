import { describe, expect, it } from 'vitest';
import { backup, deployment, OPTIONS, sidecarIn } from './fixtures.ts';
import { inject } from './inject.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import type { BackupWanted, SidecarSettings } from './wanted.ts';

const pod = (container: Raw = {}, more: Raw = {}): Raw => ({
  containers: [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/data' }], ...container }],
  volumes: [{ name: 'data', emptyDir: {} }],
  ...more,
});
const sidecar = (spec: Raw, settings: SidecarSettings) => sidecarIn(spec, backup({ settings }));
const problems = (spec: Raw, ...backups: BackupWanted[]) =>
  inject(deployment(spec), { backups, restores: [] }, OPTIONS).problems;
const changed = (spec: Raw, before: BackupWanted, after: BackupWanted) => {
  const { workload } = inject(deployment(spec), { backups: [before], restores: [] }, OPTIONS);
  return inject(workload, { backups: [after], restores: [] }, OPTIONS).changed;
};

describe('the settings of a sidecar', () => {
  it.each<[string, SidecarSettings['resources'], Raw]>([
    [
      'a limit beside the requests of the installation',
      { limits: { memory: '1Gi' } },
      { limits: { memory: '1Gi' } },
    ],
    [
      'a limit below what the installation requests, which gives way',
      { limits: { memory: '1Mi' } },
      { limits: { memory: '1Mi' }, requests: expect.objectContaining({ memory: '1Mi' }) },
    ],
    ['a request of its own', { requests: { cpu: '2' } }, { requests: expect.objectContaining({ cpu: '2' }) }],
  ])('are its resources: %s', (_, resources = {}, expected) => {
    expect(sidecar(pod(), { resources }).resources).toMatchObject(expected);
  });

  it('leave a Guaranteed pod what it is', () => {
    const both = { cpu: '1', memory: '1Gi' };
    const guaranteed = pod({ resources: { requests: both, limits: both } });
    const { requests, limits } = rawOf(
      sidecar(guaranteed, { resources: { limits: { memory: '2Gi' } } }).resources,
    );
    expect(requests).toEqual(limits);
    expect(limits).toMatchObject({ memory: '2Gi' });
  });

  it('are its user, and nothing more that it may do', () => {
    const given = { runAsUser: 1000, runAsGroup: 2000, runAsNonRoot: true };
    expect(sidecar(pod(), { securityContext: given }).securityContext).toEqual({
      ...given,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
      capabilities: { drop: ['ALL'] },
    });
  });

  it.each<[string, Raw, SidecarSettings, string]>([
    [
      'root in a pod that must not be root’s',
      pod({}, { securityContext: { runAsNonRoot: true } }),
      { securityContext: { runAsUser: 0 } },
      'spec.runtimeSettings.container.securityContext: the container "app" must not run as root',
    ],
    [
      'a request above its limit',
      pod(),
      { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
      'spec.runtimeSettings.container.resources.requests.cpu: "2" is more than the limit of "1"',
    ],
    [
      'a resource that is not on every node',
      pod(),
      { resources: { limits: { 'example.com/gpu': '1' } } },
      'resources.limits.example.com/gpu: "example.com/gpu" is not for a sidecar to ask for',
    ],
  ])('are refused where the workload would not run with them: %s', (_, spec, settings, message) => {
    const found = problems(spec, backup({ settings }));
    expect(found.map(({ path, message: text }) => `${path}: ${text}`).join()).toContain(message);
    expect(found).toMatchObject([{ reason: 'SettingsInvalid' }]);
  });

  it('are those of all its configurations, unless two of them differ', () => {
    const small = { resources: { limits: { memory: '1Gi' } } };
    const large = { resources: { limits: { memory: '2Gi' } } };
    expect(problems(pod(), backup({ name: 'a' }), backup({ name: 'b', settings: small }))).toEqual([]);
    expect(
      problems(pod(), backup({ name: 'a', settings: small }), backup({ name: 'b', settings: { ...small } })),
    ).toEqual([]);
    expect(
      problems(pod(), backup({ name: 'a', settings: small }), backup({ name: 'b', settings: large })),
    ).toMatchObject([
      {
        name: 'b',
        reason: 'SettingsConflict',
        message: expect.stringContaining('the BackupConfiguration "a" of the same workload'),
      },
    ]);
  });

  it('are no reason to change what stands, unless they change', () => {
    const settings = { resources: { limits: { memory: '1Gi' } } };
    expect(changed(pod(), backup(), backup())).toBe(false);
    expect(changed(pod(), backup({ settings }), backup({ settings: structuredClone(settings) }))).toBe(false);
    expect(changed(pod(), backup(), backup({ settings }))).toBe(true);
    expect(changed(pod(), backup({ settings }), backup())).toBe(true);
    expect(changed(pod(), backup(), backup({ imagePullSecrets: ['registry'] }))).toBe(true);
  });

  it('add pull secrets to those of the workload, and take out their own', () => {
    const own = pod({}, { imagePullSecrets: [{ name: 'mine' }] });
    const wanted = { backups: [backup({ imagePullSecrets: ['mine', 'registry'] })], restores: [] };
    const { workload } = inject(deployment(own), wanted, OPTIONS);
    const specOf = (w: object) => rawOf(rawOf(rawOf(rawOf(w).spec).template).spec);
    expect(rawsOf(specOf(workload).imagePullSecrets)).toEqual([
      { name: 'mine' },
      ...OPTIONS.imagePullSecrets.map((name) => ({ name })),
      { name: 'registry' },
    ]);
    const without = inject(workload, { backups: [], restores: [] }, OPTIONS).workload;
    expect(without).toEqual(deployment(own));
  });
});
