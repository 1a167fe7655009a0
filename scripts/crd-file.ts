import { stringify } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { customResourceDefinition } from '../src/api/crd.ts';
import type { Kind } from '../src/api/kinds.ts';

/** The file in `crds/` of `kind`: its name and what it should hold. */
export function crdFile(kind: Kind): { name: string; content: string } {
  const header = '# Generated from src/api by `npm run generate`. Do not edit.\n';
  const body = stringify(customResourceDefinition(kind, manifest.version), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
  return { name: `${kind.group}_${kind.plural}.yaml`, content: header + body };
}
