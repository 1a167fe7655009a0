import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { KINDS } from '../api/kinds.ts';
import { problemsOf } from './object.ts';

const folder = new URL('../../test/samples/', import.meta.url);
const documents = readdirSync(folder)
  // What a user writes and Kubernetes refuses stands in 17, which is filled in first.
  .filter((file) => !file.startsWith('17-'))
  .flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(file, folder), 'utf8')).map(
      (document, index) => [`${file} (${index + 1})`, document.toJS()] as const,
    ),
  );

describe('the samples', () => {
  it.each(documents)('are right as they are: %s', (_, object) => {
    const kind = KINDS.find((one) => one.kind === object.kind);
    expect(kind && problemsOf(kind, object)).toEqual({ problems: [], warnings: [] });
  });
});
