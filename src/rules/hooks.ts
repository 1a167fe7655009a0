import { parseDuration } from '../api/duration.ts';
import type { BackupHooks, Hook, RestoreHooks } from '../api/hooks.ts';
import { type Problem, quoted } from '../api/problem.ts';
import { RESTORE, SIDECAR } from '../injection/layout.ts';

interface Hooked {
  hooks?: BackupHooks | RestoreHooks;
}

const SHORTEST = 1_000;
/** The application stands still meanwhile, as a rule. */
const LONGEST = 3_600_000;

export function hookTimeoutsWithinBounds(spec: Hooked): Problem[] {
  return entriesOf(spec).flatMap(([name, { timeout }]) => {
    const path = `spec.hooks.${name}.timeout`;
    const milliseconds = parseDuration(timeout);
    if (milliseconds < SHORTEST)
      return [{ path, message: `${quoted(timeout)} is too short; write 1s or more` }];
    if (milliseconds > LONGEST)
      return [{ path, message: `${quoted(timeout)} is too long; write 1h or less` }];
    return [];
  });
}

/** Our own containers have the credentials of the storage. */
export function hookContainersAreTheirs(spec: Hooked): Problem[] {
  return entriesOf(spec).flatMap(([name, { containerName }]) =>
    containerName === SIDECAR || containerName === RESTORE
      ? [
          {
            path: `spec.hooks.${name}.containerName`,
            message: `${quoted(containerName)} is a container of Stash; name one of the application`,
          },
        ]
      : [],
  );
}

function entriesOf({ hooks = {} }: Hooked): [string, Hook][] {
  return Object.entries(hooks as Record<string, Hook | undefined>).flatMap(([name, hook]) =>
    hook === undefined ? [] : [[name, hook]],
  );
}
