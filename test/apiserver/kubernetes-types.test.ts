import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { kubernetesTypes } from '../../scripts/kubernetes-types.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';

const file = fileURLToPath(new URL('../../src/api/kubernetes-types.ts', import.meta.url));
const biome = fileURLToPath(new URL('../../node_modules/.bin/biome', import.meta.url));

test("the types of Kubernetes in our kinds are the API server's own", async () => {
  const connection = createConnection(kubeconfigEndpoint());
  const { body } = await connection.request({ method: 'GET', path: '/openapi/v3/api/v1' });
  connection.close();
  const fresh = execFileSync(biome, ['format', `--stdin-file-path=${file}`], {
    input: kubernetesTypes(body as Parameters<typeof kubernetesTypes>[0]),
    encoding: 'utf8',
  });
  expect(readFileSync(file, 'utf8'), 'stale: run scripts/generate-kubernetes-types.ts as it says').toBe(
    fresh,
  );
});
