// Writes src/api/kubernetes-types.ts from the OpenAPI of the API server that kubectl talks to:
//   npm run -s cluster -- --control-plane node scripts/generate-kubernetes-types.ts
// A test of the API server's layer fails where the file is stale.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kubernetesTypes } from './kubernetes-types.ts';

const file = fileURLToPath(new URL('../src/api/kubernetes-types.ts', import.meta.url));
const biome = fileURLToPath(new URL('../node_modules/.bin/biome', import.meta.url));
const openapi = execFileSync('kubectl', ['get', '--raw', '/openapi/v3/api/v1'], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
writeFileSync(file, kubernetesTypes(JSON.parse(openapi)));
execFileSync(biome, ['format', '--write', file]);
