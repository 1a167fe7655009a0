import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Due, DueHeap } from './due-heap.ts';

type Step = { set: string; at: number } | { delete: string } | { popDue: number };

const key = fc.constantFrom(...'abcdefghijklmnop');
const at = fc.integer({ min: 0, max: 30 });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ set: key, at }) },
    { weight: 2, arbitrary: fc.record({ delete: key }) },
    { weight: 1, arbitrary: fc.record({ popDue: at }) },
  ),
  { maxLength: 80 },
);

function sorted(model: Map<string, number>): Due[] {
  return [...model].map(([key, at]) => ({ key, at })).sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
}

describe('the heap of due instants', () => {
  test('is at every step what a sorted array would be', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const heap = new DueHeap();
        const model = new Map<string, number>();
        for (const step of taken as Step[]) {
          if ('set' in step) {
            heap.set(step.set, step.at);
            model.set(step.set, step.at);
          } else if ('delete' in step) {
            expect(heap.delete(step.delete)).toBe(model.delete(step.delete));
          } else {
            const due = sorted(model).filter((entry) => entry.at <= step.popDue);
            expect(heap.popDue(step.popDue)).toEqual(due);
            for (const entry of due) model.delete(entry.key);
          }
          expect(heap.size).toBe(model.size);
          expect(heap.peek()).toEqual(sorted(model)[0]);
          for (const letter of 'abcdefghijklmnop') expect(heap.get(letter)).toBe(model.get(letter));
        }
        expect(heap.popDue(Number.POSITIVE_INFINITY)).toEqual(sorted(model));
      }),
    );
  });

  test('a key that is set again is due once, at the later word', () => {
    const heap = new DueHeap();
    heap.set('shop/web', 10);
    heap.set('shop/web', 20);
    expect(heap.popDue(15)).toEqual([]);
    expect(heap.popDue(20)).toEqual([{ key: 'shop/web', at: 20 }]);
    expect(heap.size).toBe(0);
  });

  test('an entry due exactly now is due', () => {
    const heap = new DueHeap();
    heap.set('shop/web', 10);
    expect(heap.popDue(9)).toEqual([]);
    expect(heap.popDue(10)).toHaveLength(1);
  });
});
