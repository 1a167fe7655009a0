// Makes dist/: the program in one folder, with what it applies to a cluster beside it. The image needs nothing else.
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;

rmSync(dist, { recursive: true, force: true });
await build({
  entryPoints: [`${root}src/main.ts`],
  outdir: dist,
  bundle: true,
  // Each command loads what it needs and no more: an agent stands in every pod, and has no use for the operator's libraries.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  banner: {
    // Libraries in CommonJS ask for Node's own modules with require, which a module does not have.
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
  logLevel: 'warning',
});
chmodSync(`${dist}/main.js`, 0o755);
for (const folder of ['crds', 'webhook-config', 'manifests/catalog'])
  cpSync(`${root}${folder}`, `${dist}/${folder}`, { recursive: true });
process.stderr.write('built dist/\n');
