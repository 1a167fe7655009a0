import { describe, expect, it } from 'vitest';
import { injectionOptions } from '../injection/options.ts';
import { aConfiguration } from './objects.fixture.ts';
import { timekeeper } from './trigger-job.ts';

const options = injectionOptions({ image: 'stash:test', nativeSidecar: false, imagePullSecret: ['pull'] });
const ofSpec = (spec: object) =>
  timekeeper(aConfiguration({ spec: { schedule: '@daily', scheduler: 'CronJob', ...spec } }), options);

describe('the CronJob of a configuration', () => {
  it.each([
    ['its schedule', { schedule: '30 2 * * 1-5' }, { schedule: '30 2 * * 1-5' }],
    ['a macro, which Kubernetes knows too', { schedule: '@weekly' }, { schedule: '@weekly' }],
    ['its time zone', { timeZone: 'Europe/Berlin' }, { timeZone: 'Europe/Berlin' }],
    ['UTC where it names none, whatever the machine has', {}, { timeZone: 'Etc/UTC' }],
    ['that it is paused', { paused: true }, { suspend: true }],
    ['that it is not', {}, { suspend: false }],
    ['how late a session may be', { startingDeadline: '90m' }, { startingDeadlineSeconds: 5400 }],
    [
      'no deadline that its controller would miss',
      { startingDeadline: '1s' },
      { startingDeadlineSeconds: 10 },
    ],
  ])('says %s', (_, spec, expected) => {
    expect(ofSpec(spec).spec).toMatchObject(expected);
  });

  it('has a name that leaves room for the instant of a Job, and goes with its configuration', () => {
    const name = 'a'.repeat(253);
    const { metadata } = timekeeper(aConfiguration({ metadata: { name } }), options);
    expect(metadata.name.length).toBe(52);
    expect(metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'BackupConfiguration', name, uid: 'shop-uid', controller: true }),
    ]);
  });

  it('lets pods that cannot start pile up for no longer than a session may be late', () => {
    expect(ofSpec({ startingDeadline: '10m' }).spec).toMatchObject({
      jobTemplate: { spec: { activeDeadlineSeconds: 600 } },
    });
    expect(ofSpec({ startingDeadline: '200h' }).spec).toMatchObject({
      jobTemplate: { spec: { activeDeadlineSeconds: 86_400 } },
    });
  });
});
