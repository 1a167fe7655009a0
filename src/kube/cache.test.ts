import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cache } from './cache.ts';
import type { ApiObject } from './object.ts';

interface Owned extends ApiObject {
  owners: string[];
  ballast?: string;
}

function object(name: string, version: number, owners: string[] = [], uid = 'u'): Owned {
  const metadata = { namespace: 'ns', name, uid, resourceVersion: String(version) };
  return { apiVersion: 'v1', kind: 'Thing', metadata, owners, ballast: 'x' };
}

function newCache() {
  return new Cache<Owned>({
    transform: ({ ballast: _, ...kept }) => kept,
    indexes: { owner: (each) => each.owners },
  });
}

test('a cache holds only what the transform keeps', () => {
  const cache = newCache();
  cache.set(object('a', 1));
  expect(cache.get('ns/a')).not.toHaveProperty('ballast');
});

test('an index finds exactly the objects that a walk over all of them finds, whatever came and went', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const owners = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'));
  const change = fc.oneof(
    fc.record({ do: fc.constant('set' as const), name, owners }),
    fc.record({ do: fc.constant('delete' as const), name }),
    fc.record({
      do: fc.constant('replace' as const),
      all: fc.uniqueArray(fc.tuple(name, owners), { selector: ([n]) => n }),
    }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
      const cache = newCache();
      const told = new Map<string, Owned>();
      cache.listen({
        added: (each) => {
          expect(told.has(each.metadata.name)).toBe(false);
          told.set(each.metadata.name, each);
        },
        updated: (old, each) => {
          expect(told.get(each.metadata.name)).toBe(old);
          told.set(each.metadata.name, each);
        },
        deleted: (old) => {
          expect(told.get(old.metadata.name)).toBe(old);
          told.delete(old.metadata.name);
        },
      });
      changes.forEach((each, at) => {
        if (each.do === 'set') cache.set(object(each.name, at, each.owners));
        if (each.do === 'delete') cache.delete(object(each.name, at));
        if (each.do === 'replace') {
          const replacement = cache.replacement();
          for (const [n, o] of each.all) replacement.add(object(n, at, o));
          replacement.commit();
          expect([...cache.list()].map((kept) => kept.metadata.name).sort()).toEqual(
            each.all.map(([n]) => n).sort(),
          );
        }
      });
      for (const owner of ['x', 'y', 'z']) {
        const walked = [...cache.list()].filter((each) => each.owners.includes(owner));
        expect(new Set(cache.byIndex('owner', owner))).toEqual(new Set(walked));
      }
      expect(new Set(told.values())).toEqual(new Set(cache.list()));
    }),
  );
});

test('a list that brings nothing new tells the listeners nothing', () => {
  const cache = newCache();
  cache.set(object('a', 1));
  const told: string[] = [];
  cache.listen({ updated: () => told.push('updated'), deleted: () => told.push('deleted') });
  const replacement = cache.replacement();
  replacement.add(object('a', 1));
  replacement.commit();
  expect(told).toEqual([]);
});

test('an object that was deleted and made anew under its name is told with both', () => {
  const cache = newCache();
  cache.set(object('a', 1, [], 'first'));
  const told: string[][] = [];
  cache.listen({ updated: (old, now) => told.push([old.metadata.uid ?? '', now.metadata.uid ?? '']) });
  cache.set(object('a', 9, [], 'second'));
  expect(told).toEqual([['first', 'second']]);
});

test('a listener that comes late is told what is there, and one that was taken off nothing more', () => {
  const cache = newCache();
  cache.set(object('a', 1));
  const told: string[] = [];
  const off = cache.listen({ added: (each) => told.push(each.metadata.name) });
  cache.set(object('b', 2));
  off();
  cache.set(object('c', 3));
  expect(told).toEqual(['a', 'b']);
});

test('an unknown index is a mistake, not an empty answer', () => {
  expect(() => newCache().byIndex('owners', 'x')).toThrow('no index owners');
});
