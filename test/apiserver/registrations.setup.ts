import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { unregister } from './registrations.fixture.ts';

/* All files share one API server: none is to meet the webhooks of an operator that another file has started. */

const connection = createConnection(kubeconfigEndpoint());
await unregister(connection);
connection.close();
