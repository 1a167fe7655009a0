import type { FunctionSettings } from '../api/function-settings.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import { escaped } from './fill.ts';

/**
 * The settings of a Function with those of a configuration over them: variables by name, all else field by field. A variable of a
 * configuration has its value as it is: nothing is put into it.
 */
export function mergedSettings(
  under: FunctionSettings = {},
  over: RuntimeSettings['container'] = {},
): FunctionSettings {
  const overEnv = (over.env ?? []).map(({ name, value }) => ({ name, value: escaped(value, true) }));
  // In its place: Kubernetes expands in a variable only those that stand before it.
  const env = (under.env ?? []).map(
    (variable) => overEnv.find(({ name }) => name === variable.name) ?? variable,
  );
  env.push(...overEnv.filter(({ name }) => !env.some((variable) => variable.name === name)));
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
