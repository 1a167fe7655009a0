import { describe, expect, it } from 'vitest';
import { type Condition, withCondition } from './conditions.ts';

const then = '2026-01-01T00:00:00Z';
const now = '2026-11-22T18:00:00Z';
const ready: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Found',
  message: 'ok',
  lastTransitionTime: then,
};

describe('withCondition', () => {
  it('adds a condition with the time of now', () => {
    const { lastTransitionTime: _, ...next } = ready;
    expect(withCondition(undefined, next, now)).toEqual([{ ...next, lastTransitionTime: now }]);
  });

  it('gives back the very same array where nothing changes', () => {
    const present = [ready];
    const { lastTransitionTime: _, ...next } = ready;
    expect(withCondition(present, next, now)).toBe(present);
  });

  it('keeps the time where only the message changes, and takes the new one where the status does', () => {
    const { lastTransitionTime: _, ...next } = ready;
    expect(withCondition([ready], { ...next, message: 'still' }, now)[0]?.lastTransitionTime).toBe(then);
    expect(withCondition([ready], { ...next, status: 'False' }, now)[0]?.lastTransitionTime).toBe(now);
  });

  it('leaves the other conditions and their order', () => {
    const other = { ...ready, type: 'Other' };
    const { lastTransitionTime: _, ...next } = ready;
    expect(withCondition([ready, other], { ...next, status: 'False' }, now).map(({ type }) => type)).toEqual([
      'Ready',
      'Other',
    ]);
  });
});
