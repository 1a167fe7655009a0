import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { layout } from './layout.ts';

export interface Identity {
  certificate: string;
  key: string;
}

/** Kubernetes' own names for its components: the roles that exist from the start are bound to them. */
const users = {
  admin: { commonName: 'admin', organization: 'system:masters' },
  kubelet: { commonName: `system:node:${layout.nodeName}`, organization: 'system:nodes' },
  'kube-controller-manager': { commonName: 'system:kube-controller-manager' },
  'kube-scheduler': { commonName: 'system:kube-scheduler' },
  'kube-proxy': { commonName: 'system:kube-proxy' },
} satisfies Record<string, Subject>;

export type User = keyof typeof users;
export const userNames = Object.keys(users) as User[];

interface Subject {
  commonName: string;
  organization?: string;
}

export interface Pki {
  authority: Identity;
  server: Identity;
  users: Record<User, Identity>;
}

/** A cluster's certificates: made anew each time (tens of milliseconds), so none is ever kept or shared. */
export async function createPki(): Promise<Pki> {
  const authority = await issue({ commonName: 'cluster' });
  const identities = await Promise.all(
    userNames.map(async (name) => [name, await issue(users[name], authority)] as const),
  );
  return {
    authority,
    server: await issue({ commonName: layout.nodeName }, authority),
    users: Object.fromEntries(identities) as Record<User, Identity>,
  };
}

/** Writes what the API server and the kubelet read as files. */
export function writePki(pki: Pki, folder: string): void {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write('ca.crt', pki.authority.certificate);
  write('ca.key', pki.authority.key);
  write('server.crt', pki.server.certificate);
  write('server.key', pki.server.key);
  write('admin.crt', pki.users.admin.certificate);
  write('admin.key', pki.users.admin.key);
  const serviceAccounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  write('sa.key', serviceAccounts.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  write('sa.pub', serviceAccounts.publicKey.export({ type: 'spki', format: 'pem' }).toString());
}

async function issue(subject: Subject, authority?: Identity): Promise<Identity> {
  const attributes = [{ name: 'commonName', value: subject.commonName }];
  if (subject.organization !== undefined)
    attributes.push({ name: 'organizationName', value: subject.organization });
  const made = await generate(attributes, {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // A clock that is set back a little while a test runs must not end the cluster.
    notBeforeDate: new Date(Date.now() - 3_600_000),
    notAfterDate: new Date(Date.now() + 365 * 86_400_000),
    extensions: authority === undefined ? authorityExtensions : leafExtensions,
    ...(authority === undefined ? {} : { ca: { key: authority.key, cert: authority.certificate } }),
  });
  return { certificate: made.cert, key: made.private };
}

const authorityExtensions = [
  { name: 'basicConstraints' as const, cA: true, critical: true },
  { name: 'keyUsage' as const, keyCertSign: true, digitalSignature: true, critical: true },
];

const leafExtensions = [
  { name: 'keyUsage' as const, digitalSignature: true, critical: true },
  { name: 'extKeyUsage' as const, serverAuth: true, clientAuth: true },
  {
    name: 'subjectAltName' as const,
    altNames: [
      ...['localhost', layout.nodeName, 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map(
        (value) => ({
          type: 2 as const,
          value,
        }),
      ),
      ...['127.0.0.1', layout.nodeAddress, layout.kubernetesService].map((ip) => ({ type: 7 as const, ip })),
    ],
  },
];
