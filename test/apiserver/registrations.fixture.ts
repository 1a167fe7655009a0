import type { Connection } from '../../src/kube/connection.ts';

/** Takes our webhooks out of the API server: those of an operator that runs no more refuse every object of ours. */
export async function unregister(connection: Connection): Promise<void> {
  await Promise.all(
    ['mutating', 'validating'].map((verb) =>
      connection
        .request({
          method: 'DELETE',
          path: `/apis/admissionregistration.k8s.io/v1/${verb}webhookconfigurations/stash`,
        })
        .catch(() => {}),
    ),
  );
}
