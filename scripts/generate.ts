// Writes what is generated: crds/ and the reasons in docs/api.md, from src/api. A test fails where it is stale.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { KINDS } from '../src/api/kinds.ts';
import { crdFile } from './crd-file.ts';
import { withReasons } from './reasons-table.ts';

const folder = new URL('../crds/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const kind of KINDS) {
  const { name, content } = crdFile(kind);
  writeFileSync(new URL(name, folder), content);
  process.stdout.write(`crds/${name}\n`);
}

const page = new URL('../docs/api.md', import.meta.url);
writeFileSync(page, withReasons(readFileSync(page, 'utf8')));
process.stdout.write('docs/api.md\n');
