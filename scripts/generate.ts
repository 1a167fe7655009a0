// Writes what is generated: crds/ from src/api. A test fails where it is stale.
import { mkdirSync, writeFileSync } from 'node:fs';
import { KINDS } from '../src/api/kinds.ts';
import { crdFile } from './crd-file.ts';

const folder = new URL('../crds/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const kind of KINDS) {
  const { name, content } = crdFile(kind);
  writeFileSync(new URL(name, folder), content);
  process.stdout.write(`crds/${name}\n`);
}
