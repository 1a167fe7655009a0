import type { Clock } from '../kube/clock.ts';

/** Where rights, kinds or the whole operator are gone, an agent waits for ever: what fails all the time is said once a minute. */
const pauseMs = 60_000;

/** Calls what it is given at most once a minute; what comes between is passed over. */
export function seldom(clock: Pick<Clock, 'now'>): (say: () => void) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (say) => {
    if (clock.now() - saidAt < pauseMs) return;
    saidAt = clock.now();
    say();
  };
}
