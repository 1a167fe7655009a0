import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueAuthority, issueLeaf, type KeyPair } from '../../../src/admission/certificate.ts';
import { BACKUP_CONFIGURATIONS } from '../../../src/api/resources.ts';
import { pods } from '../../../src/kube/resource.ts';
import { client, type Pod, until, useNamespace } from '../cluster.ts';
import { kubectl, tryKubectl } from '../kubectl.ts';
import { backupConfiguration } from '../objects.ts';

/* The certificate of the webhook is another's, which keeps it fresh in a Secret, as cert-manager does. */

const namespace = useNamespace('e2e-certificate');
const NAME = 'e2e-certificate';
const SERVER = 'stash-webhook.stash-system.svc';
const hour = 3_600_000;
const stash = ['-n', 'stash-system', 'deployment/stash'];

/** Keeps another certificate of `authority` in the Secret, and answers it. */
async function issue(authority: KeyPair): Promise<string> {
  const leaf = await issueLeaf(authority, [SERVER], Date.now(), hour);
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: NAME, namespace: 'stash-system' } },
    stringData: { 'tls.crt': leaf.certificate, 'tls.key': leaf.key, 'ca.crt': authority.certificate },
  };
  const { status, stderr } = await tryKubectl(['apply', '-f', '-'], JSON.stringify(secret));
  if (status !== 0) throw new Error(stderr);
  return leaf.certificate;
}

async function rolledOut(): Promise<Pod[]> {
  await kubectl('rollout', 'status', ...stash, '--timeout=300s');
  return until('the old operators to be gone', 'stash-system', async () => {
    const labelSelector = 'app.kubernetes.io/component=operator';
    const all = await client.list<Pod>(pods, { namespace: 'stash-system', labelSelector });
    return all.length === 2 ? all : undefined;
  });
}

/** The certificate that is shown at `address`, PEM, where it is good by `authority`. */
function shown(address: string, authority: KeyPair): Promise<string> {
  return new Promise((resolve, reject) => {
    const ca = authority.certificate;
    const socket = connect({ host: address, port: 443, servername: SERVER, ca, timeout: 5_000 }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.destroy();
    });
    socket.on('timeout', () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
  });
}

let authority: KeyPair;
let first: string;
let isPatched = false;

beforeAll(async () => {
  authority = await issueAuthority(Date.now(), hour);
  first = await issue(authority);
  const container = {
    name: 'operator',
    args: ['serve', '--certificate-directory=/certificate'],
    volumeMounts: [{ name: 'certificate', mountPath: '/certificate', readOnly: true }],
  };
  const volumes = [{ name: 'certificate', secret: { secretName: NAME } }];
  const patch = { spec: { template: { spec: { containers: [container], volumes } } } };
  await kubectl('patch', ...stash, '-p', JSON.stringify(patch));
  isPatched = true;
});

afterAll(async () => {
  if (isPatched) {
    await kubectl('rollout', 'undo', ...stash);
    await rolledOut();
  }
  await kubectl('delete', 'secret', '-n', 'stash-system', NAME, '--ignore-not-found');
});

it('is served with and published, and followed as it is renewed, without a restart', async () => {
  const operators = await rolledOut();
  const bundle = '{.webhooks[0].clientConfig.caBundle}';
  await until('the authority to be published', 'stash-system', async () => {
    const at = ['get', 'validatingwebhookconfiguration', 'stash', '-o', `jsonpath=${bundle}`];
    const published = Buffer.from(await kubectl(...at), 'base64').toString();
    return published.trim() === authority.certificate.trim() || undefined;
  });
  const wrong = { ...backupConfiguration('wrong', { schedule: '61 * * * *' }) };
  const metadata = { ...wrong.metadata, namespace: namespace.name };
  const isAsked = async () => {
    const refusal = client.create(BACKUP_CONFIGURATIONS, { ...wrong, metadata });
    await expect(refusal).rejects.toThrow(/"objects.stash.appscode.com" denied the request/);
  };
  await expect.poll(isAsked, { timeout: 60_000 }).toBeUndefined();

  const address = await kubectl(
    ...['get', 'service', '-n', 'stash-system', 'stash-webhook', '-o', 'jsonpath={.spec.clusterIP}'],
  );
  expect(await shown(address, authority)).toBe(first);
  const second = await issue(authority);
  // kubelet brings it into the pods within a minute or so; each connection is to either of them.
  await expect
    .poll(async () => new Set([await shown(address, authority), await shown(address, authority)]), {
      timeout: 240_000,
      interval: 2_000,
    })
    .toEqual(new Set([second]));
  await isAsked();
  const uids = (all: Pod[]) => all.map(({ metadata: { uid } }) => uid).sort();
  expect(uids(await rolledOut())).toEqual(uids(operators));
});
