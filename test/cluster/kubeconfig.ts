import type { Identity } from './pki.ts';

/** A kubeconfig that holds everything in itself, so that it can be copied. JSON, which is YAML too. */
export function kubeconfig(server: string, authority: string, user: string, identity: Identity): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'stash-test', cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': base64(identity.certificate),
          'client-key-data': base64(identity.key),
        },
      },
    ],
    contexts: [{ name: 'stash-test', context: { cluster: 'stash-test', user, namespace: 'default' } }],
    'current-context': 'stash-test',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
