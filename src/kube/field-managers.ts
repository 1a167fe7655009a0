import type { ApiObject } from './object.ts';

/** Who the operator is in server-side apply, and wherever else it writes. */
export const FIELD_MANAGER = 'stash-operator';

/** What the API server calls all managers but the last ten together (k8s.io/apimachinery, `managedfields`): who they were is lost. */
const UNKNOWN = 'ancient-changes';

/**
 * Who gave the field at `path` its value, by `metadata.managedFields`: each that wrote it so. Nobody where the object comes without them.
 *
 * @param path - such as `spec`, `replicas`: names of fields, no items of lists
 */
export function managersOf({ metadata }: ApiObject, ...path: string[]): string[] {
  const { managedFields } = metadata as { managedFields?: unknown };
  const entries: unknown[] = Array.isArray(managedFields) ? managedFields : [];
  return entries.flatMap((entry) => {
    const { manager, fieldsV1 } = entry as { manager?: unknown; fieldsV1?: unknown };
    const owned = path.reduce<unknown>((at, field) => fieldIn(at, `f:${field}`), fieldsV1);
    return owned !== undefined && typeof manager === 'string' && manager !== UNKNOWN ? [manager] : [];
  });
}

function fieldIn(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
}
