// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { injectionOptions } from '../injection/options.ts';
import { functionOf, taskOf } from '../tasks/run.fixture.ts';
import { renderJobs } from './render-jobs.ts';

const options = injectionOptions({ image: 'stash:test', nativeSidecar: false });
const dump = functionOf('dump', {
  image: 'sqlite:1',
  args: ['backup', '--table=${table}', '--mount=${mountPath}'],
  volumeMounts: [{ name: '${target.name}', mountPath: '${mountPath}' }],
  inputs: { table: { required: true, schema: { pattern: '^[a-z]+$' } } },
});
const catalog = [dump, { ...taskOf('dump'), metadata: { name: 'sqlite-backup' } }];

const repository = `apiVersion: stash.appscode.com/v1alpha2
kind: Repository
metadata: {name: repo}
spec:
  backend: {s3: {bucket: backups, prefix: /p}, storageSecretName: storage}
`;
const configuration = (more = 'table: orders') => `apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {name: nightly}
spec:
  schedule: '@daily'
  timeout: 1h
  repository: {name: repo}
  task: {name: sqliteBackup, inputs: {${more}}}
  target: {ref: {apiVersion: v1, kind: PersistentVolumeClaim, name: data}}
  runtimeSettings: {pod: {serviceAccountName: backup}}
`;
const render = (...texts: string[]) =>
  renderJobs([{ name: 'input', text: texts.join('---\n') }], 'demo', catalog, options);
const jobsIn = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

describe('renderJobs', () => {
  it('shows the Job with all of its variables filled in, by a Task of the catalog', () => {
    const { text, refusals } = render(repository, configuration());
    expect(refusals).toEqual([]);
    const [job] = jobsIn(text);
    expect(job).toMatchObject({
      kind: 'Job',
      metadata: { name: 'nightly-0', namespace: 'demo' },
      spec: { backoffLimit: 0, activeDeadlineSeconds: 3600 },
    });
    const { spec } = job.spec.template;
    expect(spec.serviceAccountName).toBe('backup');
    expect(spec.initContainers.map(({ name }: { name: string }) => name)).toEqual(['stash-prepare']);
    expect(spec.containers[0]).toMatchObject({
      image: 'sqlite:1',
      args: ['backup', '--table=orders', '--mount=/stash/data'],
    });
    expect(spec.volumes).toContainEqual({
      name: 'stash-target',
      persistentVolumeClaim: { claimName: 'data' },
    });
    expect(text).not.toContain('${');
  });

  it('prefers what stands in the input to the catalog', () => {
    const own = JSON.stringify({ ...dump, spec: { ...dump.spec, image: 'sqlite:own' } });
    const [job] = jobsIn(render(repository, configuration(), `${own}\n`).text);
    expect(job.spec.template.spec.containers[0].image).toBe('sqlite:own');
  });

  it('borrows the user of a workload in the input that has the claim mounted', () => {
    const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      securityContext: {runAsUser: 1234}
      containers: [{name: app, image: app, volumeMounts: [{name: data, mountPath: /d}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`;
    const [job] = jobsIn(render(repository, configuration(), deployment).text);
    expect(job.spec.template.spec.securityContext.runAsUser).toBe(1234);
  });

  it('tells everything that is wrong at once, each where it stands, and writes nothing', () => {
    const idle = JSON.stringify({ ...taskOf('nobody'), metadata: { name: 'idle' } });
    const { text, refusals } = render(
      configuration('table: A, tabel: x'),
      `${idle}\n`,
      repository,
      configuration().replaceAll('nightly', 'other').replace('sqliteBackup', 'mongoBackup'),
    );
    expect(text).toBe('');
    expect(refusals.map(({ where, path }) => `${where}: ${path}`)).toEqual([
      'input, document 1, BackupConfiguration nightly: ',
      'input, document 1, BackupConfiguration nightly: spec.task.inputs.tabel',
      'input, document 2, Task idle: spec.functions[0].name',
      'input, document 4, BackupConfiguration other: spec.task.name',
    ]);
    expect(refusals[0]?.message).toContain('"A" does not match ^[a-z]+$');
  });

  it('asks for the Repository, and leaves what has no task to others', () => {
    expect(render(configuration()).refusals.map(({ path }) => path)).toEqual(['spec.repository.name']);
    expect(render(repository)).toEqual({ text: '', refusals: [], warnings: [] });
  });
});
