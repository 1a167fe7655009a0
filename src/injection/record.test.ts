import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { type InjectionRecord, readRecord, writeRecord } from './record.ts';

const RECORD: InjectionRecord = {
  containers: ['stash'],
  initContainers: ['stash-restore'],
  volumes: ['stash-scratch'],
  imagePullSecrets: ['registry'],
  backups: ['nightly'],
  restores: ['again'],
  restoresServed: ['1234'],
  backupsServed: ['4321'],
  backupsWishes: ['8765'],
  backupsWanted: '5678',
  parts: 'cdef',
  template: '90ab',
  before: new Map([['volumes', 'absent']]),
};

function read(annotation: unknown): InjectionRecord | undefined {
  return readRecord({ [INJECTED_ANNOTATION]: annotation });
}

describe('a record', () => {
  it('is read as it was written', () => {
    expect(read(writeRecord(RECORD))).toEqual(RECORD);
  });

  it('loses the names that are not reserved', () => {
    const edited = {
      ...RECORD,
      containers: ['app', 'stash-restore'],
      initContainers: ['init', 'stash'],
      volumes: ['data'],
    };
    expect(read(writeRecord(edited))).toMatchObject({
      containers: [],
      initContainers: ['stash'],
      volumes: [],
    });
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"containers":"stash"}',
    writeRecord(RECORD).replace('"stash"', '1'),
    5,
    undefined,
  ])('is none: %s', (annotation) => {
    expect(read(annotation)).toBeUndefined();
  });

  it('is none where it is longer than annotations can be', () => {
    expect(read(writeRecord({ ...RECORD, backups: ['x'.repeat(300_000)] }))).toBeUndefined();
  });

  it('is none in what is not one, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(readRecord(json)).toBeUndefined();
        expect(read(JSON.stringify(json))).toBeUndefined();
      }),
    );
  });
});
