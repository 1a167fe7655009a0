import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TerminalError } from './errors.ts';
import { type ManualClock, manualClock } from './manual-clock.fixture.ts';
import { type QueueOptions, WorkQueue } from './queue.ts';

function queueWith(
  clock: ManualClock,
  options: Partial<QueueOptions> & Pick<QueueOptions, 'reconcile'>,
): WorkQueue {
  const queue = new WorkQueue({ onError: () => {}, clock, random: () => 0, ...options });
  queue.start();
  return queue;
}

describe('a work queue', () => {
  test('reconciles every key after its last add, and no key twice at once', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      delayMs: fc.constantFrom(0, 0, 5, 50),
      pauseMs: fc.constantFrom(0, 0, 3, 20),
    });
    const run = fc.record({ takesMs: fc.constantFrom(0, 1, 10, 30), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.array(run, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, runs, workers) => {
          const clock = manualClock();
          const running = new Set<string>();
          const lastAdd = new Map<string, number>();
          const lastStart = new Map<string, number>();
          let order = 0;
          let most = 0;
          const queue = queueWith(clock, {
            workers,
            reconcile: async (key) => {
              expect(running.has(key)).toBe(false);
              running.add(key);
              most = Math.max(most, running.size);
              lastStart.set(key, ++order);
              const { takesMs, fails } = runs[order % runs.length] ?? { takesMs: 0, fails: false };
              if (takesMs > 0) await new Promise<void>((resolve) => clock.setTimeout(resolve, takesMs));
              running.delete(key);
              if (fails && order < 100) throw new Error('not yet');
            },
          });
          for (const { key, delayMs, pauseMs } of steps) {
            lastAdd.set(key, ++order);
            queue.addAfter(key, delayMs);
            if (pauseMs > 0) await clock.advance(pauseMs);
          }
          await clock.advance(60 * 60_000);
          for (const [key, added] of lastAdd) expect(lastStart.get(key)).toBeGreaterThan(added);
          expect(most).toBeLessThanOrEqual(workers);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('reconciles a key that is added a thousand times before it starts once', async () => {
    const clock = manualClock();
    const seen: string[] = [];
    const queue = new WorkQueue({
      clock,
      onError: () => {},
      reconcile: async (key) => {
        seen.push(key);
      },
    });
    for (let i = 0; i < 1000; i++) queue.add('ns/one');
    queue.add('ns/two');
    expect(seen).toEqual([]);
    queue.start();
    await clock.advance(1000);
    expect(seen).toEqual(['ns/one', 'ns/two']);
  });

  test('repeats a failed key later each time, up to the limit, and from the start after a success', async () => {
    const clock = manualClock();
    const starts: number[] = [];
    const retries: (number | undefined)[] = [];
    let fails = true;
    const queue = queueWith(clock, {
      backoffBaseMs: 100,
      backoffMaxMs: 1000,
      onError: (_key, _error, retryMs) => retries.push(retryMs),
      reconcile: async () => {
        starts.push(clock.now());
        if (fails) throw new Error('no');
      },
    });
    queue.add('k');
    await clock.advance(2500);
    expect(starts).toEqual([0, 100, 300, 700, 1500, 2500]);
    expect(retries).toEqual([100, 200, 400, 800, 1000, 1000]);
    fails = false;
    await clock.advance(1000);
    fails = true;
    queue.add('k');
    await clock.advance(100);
    expect(retries.slice(6)).toEqual([100, 200]);
  });

  test('does not repeat a terminal error until the key is added again', async () => {
    const clock = manualClock();
    let runs = 0;
    const queue = queueWith(clock, {
      reconcile: async () => {
        runs++;
        throw new TerminalError('the repository is gone');
      },
    });
    queue.add('k');
    await clock.advance(24 * 3_600_000);
    expect(runs).toBe(1);
    queue.add('k');
    await clock.advance(0);
    expect(runs).toBe(2);
  });

  test('takes the earliest of several delays', async () => {
    const clock = manualClock();
    const starts: number[] = [];
    const queue = queueWith(clock, {
      reconcile: async () => {
        starts.push(clock.now());
      },
    });
    queue.addAfter('k', 5000);
    queue.addAfter('k', 2000);
    queue.addAfter('k', 9000);
    await clock.advance(20_000);
    expect(starts).toEqual([2000]);
  });

  test('looks again after the time that the reconciler asked for', async () => {
    const clock = manualClock();
    const starts: number[] = [];
    const queue = queueWith(clock, {
      reconcile: async () => {
        starts.push(clock.now());
        return starts.length < 3 ? { requeueAfter: 700 } : undefined;
      },
    });
    queue.add('k');
    await clock.advance(10_000);
    expect(starts).toEqual([0, 700, 1400]);
  });

  test('keeps a delay of sixty days', async () => {
    const clock = manualClock();
    const starts: number[] = [];
    const queue = queueWith(clock, {
      reconcile: async () => {
        starts.push(clock.now());
      },
    });
    const days = 24 * 3_600_000;
    queue.addAfter('k', 60 * days);
    await clock.advance(60 * days - 1);
    expect(starts).toEqual([]);
    await clock.advance(1);
    expect(starts).toEqual([60 * days]);
  });

  test('counts the time in which the machine was suspended', async () => {
    const clock = manualClock();
    let runs = 0;
    const queue = queueWith(clock, {
      reconcile: async () => {
        runs++;
      },
    });
    queue.addAfter('k', 8 * 3_600_000);
    clock.set(8 * 3_600_000);
    await clock.advance(60_000);
    expect(runs).toBe(1);
  });

  test('is not held up by a clock that is set back', async () => {
    const clock = manualClock(1_000_000_000);
    let runs = 0;
    const queue = queueWith(clock, {
      reconcile: async () => {
        runs++;
      },
    });
    queue.addAfter('k', 120_000);
    clock.set(0);
    await clock.advance(180_000);
    expect(runs).toBe(1);
  });

  test('drains by letting what runs end and starting nothing more', async () => {
    const clock = manualClock();
    const ended: string[] = [];
    const queue = queueWith(clock, {
      workers: 1,
      reconcile: async (key) => {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 100));
        ended.push(key);
      },
    });
    queue.add('first');
    queue.add('second');
    queue.addAfter('third', 10);
    let drained = false;
    const drain = queue.drain().then(() => {
      drained = true;
    });
    await clock.advance(50);
    expect(drained).toBe(false);
    await clock.advance(1000);
    await drain;
    expect(ended).toEqual(['first']);
    queue.add('late');
    await clock.advance(1000);
    expect(ended).toEqual(['first']);
  });

  test('tells how many keys are ready, running and delayed', async () => {
    const clock = manualClock();
    const depths: object[] = [];
    const queue = queueWith(clock, {
      workers: 1,
      onDepth: (depth) => depths.push(depth),
      reconcile: () => new Promise<void>((resolve) => clock.setTimeout(resolve, 10)),
    });
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 1000);
    expect(depths.at(-1)).toEqual({ ready: 1, running: 1, delayed: 1 });
    await clock.advance(5000);
    expect(depths.at(-1)).toEqual({ ready: 0, running: 0, delayed: 0 });
  });

  test('takes a hundred thousand keys in a moment', async () => {
    const clock = manualClock();
    let runs = 0;
    const queue = new WorkQueue({
      clock,
      onError: () => {},
      reconcile: async () => {
        runs++;
      },
    });
    const began = performance.now();
    for (let i = 0; i < 100_000; i++) queue.add(`ns/${i}`);
    for (let i = 0; i < 100_000; i++) queue.addAfter(`ns/${i}`, 1 + ((i * 7919) % 50_000));
    queue.start();
    await clock.advance(60_000);
    expect(runs).toBe(200_000);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
