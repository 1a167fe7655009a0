import { quoted } from '../api/problem.ts';
import { canonical } from './canonical.ts';
import type { Pod } from './pod.ts';
import { type Fault, SETTINGS_FIELD } from './problem.ts';
import { resourcesFault } from './resources.ts';
import type { Room } from './room.ts';
import { securityFault } from './security.ts';
import type { BackupWanted, SidecarSettings } from './wanted.ts';

/** What the configurations of one sidecar say of it together, each field with the first that said it. */
export interface Settled {
  readonly settings: SidecarSettings;
  readonly saidBy: ReadonlyMap<keyof SidecarSettings, string>;
}

export const UNSETTLED: Settled = { settings: {}, saidBy: new Map() };

const FIELDS = ['resources', 'securityContext'] as const;

/**
 * `before` with what `wanted` says, which may leave out what another says and may not say otherwise: there is one sidecar.
 *
 * @param room - of the sidecar, with the directories of `wanted` in it
 */
export function settle(before: Settled, wanted: BackupWanted, pod: Pod, room: Room): Settled | Fault {
  const { settings = {}, name } = wanted;
  if (before === UNSETTLED && wanted.settings === undefined) return before;
  const wrong = settings.resources && resourcesFault(settings.resources);
  if (wrong !== undefined) {
    const { field, message } = wrong;
    return { reason: 'SettingsInvalid', path: `${SETTINGS_FIELD}.resources.${field}`, message };
  }
  const merged: SidecarSettings = { ...before.settings };
  const saidBy = new Map(before.saidBy);
  for (const field of FIELDS) {
    const value = settings[field];
    if (value === undefined) continue;
    const other = saidBy.get(field);
    if (other !== undefined && canonical(before.settings[field]) !== canonical(value))
      return conflict(field, other);
    saidBy.set(field, other ?? name);
    Object.assign(merged, { [field]: value });
  }
  const { securityContext } = merged;
  for (const { container } of securityContext === undefined ? [] : room.holds) {
    const message = securityFault(pod, container, securityContext ?? {});
    if (message !== undefined)
      return { reason: 'SettingsInvalid', path: `${SETTINGS_FIELD}.securityContext`, message };
  }
  return { settings: merged, saidBy };
}

function conflict(field: string, other: string): Fault {
  return {
    reason: 'SettingsConflict',
    path: `${SETTINGS_FIELD}.${field}`,
    message: `the BackupConfiguration ${quoted(other)} of the same workload says something else, and one sidecar serves both; write the same in both, or leave it out of one`,
  };
}
