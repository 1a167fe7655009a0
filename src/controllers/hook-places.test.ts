import { expect, it } from 'vitest';
import { HookPlaces } from './hook-places.ts';

interface Call {
  of: string;
}

function callsOf(of: string, count: number): Call[] {
  return Array.from({ length: count }, () => ({ of }));
}

/** Places for `calls`, asked for in this order; as `leave` answers, which of them got in. */
function placesOf(limits: { all: number; perNamespace: number }, ...calls: Call[]) {
  const places = new HookPlaces<Call>(limits);
  for (const call of calls) places.ask(call, call.of);
  return { places, inside: () => calls.filter((call) => places.has(call)) };
}

it('gives one namespace no more than its part, whoever else there is', () => {
  const greedy = callsOf('greedy', 9);
  const [other] = callsOf('other', 1) as [Call];
  const { places, inside } = placesOf({ all: 4, perNamespace: 2 }, ...greedy, other);
  expect(inside()).toEqual([greedy[0], greedy[1], other]);
  expect(places.has(other)).toBe(true);
});

it('gives a place that is free to the namespace with the fewest, and there to who came first', () => {
  const a = callsOf('a', 3);
  const b = callsOf('b', 2);
  const c = callsOf('c', 2);
  const { places, inside } = placesOf({ all: 3, perNamespace: 2 }, ...a, ...b, ...c);
  expect(inside()).toEqual([a[0], a[1], b[0]]);
  // Both a and b have one left, and wait for longer; c has none.
  expect(places.leave(a[0] as Call)).toEqual([c[0]]);
  expect(places.leave(b[0] as Call)).toEqual([b[1]]);
  expect(places.leave(b[1] as Call)).toEqual([a[2]]);
});

it('lets nobody in by one that waited and wants no place any more, or that left already', () => {
  const [first, second, third] = callsOf('a', 3) as [Call, Call, Call];
  const { places } = placesOf({ all: 4, perNamespace: 1 }, first, second, third);
  expect(places.leave(second)).toEqual([]);
  expect(places.leave(first)).toEqual([third]);
  expect(places.leave(first)).toEqual([]);
  expect(places.has(third)).toBe(true);
});

it('counts one that asks again once', () => {
  const [first, second] = callsOf('a', 2) as [Call, Call];
  const { places } = placesOf({ all: 2, perNamespace: 2 }, first, first, first);
  places.ask(second, second.of);
  expect(places.has(second)).toBe(true);
});
