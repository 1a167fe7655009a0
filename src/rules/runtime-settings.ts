import type { Problem } from '../api/problem.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import { SETTINGS_FIELD } from '../injection/problem.ts';
import { resourcesFault } from '../injection/resources.ts';
import { nameIsSubdomain } from './names.ts';

interface WithSettings {
  runtimeSettings?: RuntimeSettings;
}

export const accountIsNamed = nameIsSubdomain<WithSettings>(
  'spec.runtimeSettings.pod.serviceAccountName',
  ({ runtimeSettings }) => runtimeSettings?.pod?.serviceAccountName,
);

/** The API server would refuse the whole workload over its sidecar. */
export function resourcesFit({ runtimeSettings }: WithSettings): Problem[] {
  const resources = runtimeSettings?.container?.resources;
  const fault = resources && resourcesFault(resources);
  return fault === undefined
    ? []
    : [{ path: `${SETTINGS_FIELD}.resources.${fault.field}`, message: fault.message }];
}

/** The same of its user, as far as it does not take the workload to tell. */
export function userIsOne({ runtimeSettings }: WithSettings): Problem[] {
  const { runAsUser, runAsGroup, runAsNonRoot } = runtimeSettings?.container?.securityContext ?? {};
  const path = `${SETTINGS_FIELD}.securityContext`;
  const outOfRange = Object.entries({ runAsUser, runAsGroup }).flatMap(([field, id]) =>
    id === undefined || (id >= 0 && id <= 2 ** 31 - 1)
      ? []
      : [
          {
            path: `${path}.${field}`,
            message: `${id} is no id of a user or a group; write one from 0 to 2147483647`,
          },
        ],
  );
  if (runAsUser !== 0 || runAsNonRoot !== true) return outOfRange;
  return [
    ...outOfRange,
    { path: `${path}.runAsUser`, message: '0 is root, which runAsNonRoot forbids; take one of them out' },
  ];
}
