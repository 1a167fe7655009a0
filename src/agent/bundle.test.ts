import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** A sidecar stands in every pod of a cluster: what it loads, each of them pays for. */
test('the agent loads nothing that is heavy, and is small', async () => {
  const { metafile, outputFiles } = await build({
    entryPoints: ['src/agent/main.ts'],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
  });
  const packages = Object.keys(metafile.inputs)
    .map((path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  expect(packages).toContain('pino');
  for (const heavy of ['@kubernetes/client-node', 'ajv', 'typebox', 'fastify', 'yaml', 'commander']) {
    expect(packages).not.toContain(heavy);
  }
  expect(outputFiles[0]?.contents.length).toBeLessThan(150_000);
});
