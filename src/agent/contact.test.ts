import { describe, expect, it } from 'vitest';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { Contact } from './contact.ts';

/** Complaints at these seconds. */
async function complain(contact: Contact, clock: ReturnType<typeof manualClock>, seconds: number[]) {
  let now = 0;
  for (const second of seconds) {
    await clock.advance((second - now) * 1000);
    now = second;
    contact.complained();
  }
}

describe('contact with the storage', () => {
  it.each([
    ['five complaints in more than a minute', [1, 3, 8, 20, 40, 75], true],
    ['five complaints at once', [1, 1, 1, 1, 1, 1], false],
    ['a few complaints, and then patience', [1, 3, 8, 600], false],
  ])('after %s', async (_, seconds, isLost) => {
    const clock = manualClock();
    const contact = new Contact(clock, 0);
    await complain(contact, clock, seconds);
    expect(contact.lost.aborted).toBe(isLost);
    contact.made();
  });

  it('is lost after a quarter of an hour without a word', async () => {
    const clock = manualClock();
    const contact = new Contact(clock, 0);
    await clock.advance(14 * 60_000);
    expect(contact.lost.aborted).toBe(false);
    await clock.advance(2 * 60_000);
    expect(contact.lost.aborted).toBe(true);
  });

  it('is not lost while the command may be waiting for a lock, of which it says nothing', async () => {
    const clock = manualClock();
    const contact = new Contact(clock, 60 * 60_000);
    await clock.advance(74 * 60_000);
    expect(contact.lost.aborted).toBe(false);
    await clock.advance(2 * 60_000);
    expect(contact.lost.aborted).toBe(true);
  });

  it('is never lost once it was made', async () => {
    const clock = manualClock();
    const contact = new Contact(clock, 0);
    contact.made();
    await complain(contact, clock, [1, 3, 8, 20, 40, 75, 100]);
    await clock.advance(60 * 60_000);
    expect(contact.lost.aborted).toBe(false);
  });
});
