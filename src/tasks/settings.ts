import type { FunctionSettings } from '../api/function-settings.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import { escaped } from './fill.ts';

/**
 * The settings of a Function with those of a configuration over them, field by field. Variables of a configuration come beside those of
 * the Function, of which it may replace none (see `problemsOfReplaced`), and have their values as they are: nothing is put into them.
 */
export function mergedSettings(
  under: FunctionSettings = {},
  over: RuntimeSettings['container'] = {},
): FunctionSettings {
  const overEnv = (over.env ?? []).map(({ name, value }) => ({ name, value: escaped(value, true) }));
  const env = [...(under.env ?? []), ...overEnv];
  const requests = { ...under.resources?.requests, ...over.resources?.requests };
  const limits = { ...under.resources?.limits, ...over.resources?.limits };
  const resources = {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
  return {
    ...(env.length > 0 && { env }),
    ...(Object.keys(resources).length > 0 && { resources }),
    securityContext: { ...under.securityContext, ...over.securityContext },
  };
}
