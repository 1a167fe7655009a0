import { describe, expect, it } from 'vitest';
import { findNamed, kebab } from './names.ts';

describe('kebab', () => {
  it.each([
    ['pgBackup', 'pg-backup'],
    ['pg-backup', 'pg-backup'],
    ['outputDir', 'output-dir'],
    ['OutputDir', 'output-dir'],
    ['pushgatewayURL', 'pushgateway-url'],
    ['enableHTTPMetric', 'enable-http-metric'],
    ['keepLast', 'keep-last'],
    ['target.name', 'target.name'],
    ['s3Bucket', 's3-bucket'],
  ])('makes of %s %s', (name, expected) => {
    expect(kebab(name)).toBe(expected);
    expect(kebab(expected)).toBe(expected);
  });
});

describe('findNamed', () => {
  const known = new Map([
    ['pg-backup', 1],
    ['pgRestore', 2],
  ]);

  it.each([
    ['pg-backup', 1],
    ['pgBackup', 1],
    ['pgRestore', 2],
    ['pg-restore', undefined],
  ])('finds by %s %s', (name, expected) => {
    expect(findNamed(name, (each) => known.get(each))).toBe(expected);
  });
});
