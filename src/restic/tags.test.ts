import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  configurationTags,
  directoryTags,
  INCOMPLETE_TAG,
  isIncomplete,
  subjectOf,
  tagsOf,
  targetTags,
} from './tags.ts';

const web = {
  namespace: 'shop',
  configuration: 'web-data',
  kind: 'Deployment',
  name: 'web',
  directory: '/data',
};

describe('the tags of a snapshot', () => {
  test('name its configuration, target and directory', () => {
    expect(tagsOf(web)).toEqual(['configuration=web-data', 'target=shop/Deployment/web', 'directory=/data']);
  });

  test.each([
    ['/a,b', 'directory=/a%2Cb'],
    ['/100%', 'directory=/100%25'],
    ['/my data ', 'directory=/my%20data%20'],
    ['/line\nbreak', 'directory=/line%0Abreak'],
    ['/nbsp\u00a0', 'directory=/nbsp%C2%A0'],
    ['/größe', 'directory=/größe'],
    ['/%2C', 'directory=/%252C'],
  ])('of %j are escaped where restic would cut or strip them', (directory, tag) => {
    expect(directoryTags(directory)).toEqual([tag]);
    expect(subjectOf(tagsOf({ ...web, directory }))?.directory).toBe(directory);
  });

  test('are read back to what they were made of, and survive what restic does to --tag', () => {
    const text = fc.string({ unit: 'binary' });
    const subject = fc.record({
      namespace: text,
      configuration: text,
      kind: text,
      name: text,
      directory: text,
    });
    fc.assert(
      fc.property(subject, (given) => {
        const asRestic = tagsOf(given)
          .join()
          .split(',')
          .map((tag) => tag.trim());
        expect(asRestic).toEqual(tagsOf(given));
        expect(subjectOf(asRestic)).toEqual(given);
      }),
    );
  });

  test('tell a snapshot that is not complete, and what it is of all the same', () => {
    const tags = [...tagsOf({ ...web, directory: '/incomplete' }), INCOMPLETE_TAG];
    expect([isIncomplete(tags), isIncomplete(tagsOf({ ...web, directory: INCOMPLETE_TAG }))]).toEqual([
      true,
      false,
    ]);
    expect(subjectOf(tags)).toEqual({ ...web, directory: '/incomplete' });
  });

  test('narrow from target to configuration to directory', () => {
    expect(configurationTags(web)).toEqual(tagsOf(web).slice(0, 2));
    expect(targetTags(web)).toEqual(tagsOf(web).slice(1, 2));
    expect(directoryTags(web.directory)).toEqual(tagsOf(web).slice(2));
  });

  test.each([
    [[]],
    [['nightly']],
    [['configuration=a', 'target=b/c/d']],
    [['configuration=a', 'target=b/c', 'directory=/d']],
    [['configuration=a', 'target=b/c/d', 'directory=%E0%A4']],
  ])('%j are not ours', (tags) => {
    expect(subjectOf(tags)).toBeUndefined();
  });
});
