// Dumps a cluster in a process of its own, and tells what it cost: KUBECONFIG, and the options of the dump as JSON.
import { dumpCluster } from '../../src/agent/cluster-dump.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';

const connection = createConnection(kubeconfigEndpoint());
const began = performance.now();
const dump = await dumpCluster(
  { connection, clock: systemClock, random: Math.random, signal: new AbortController().signal },
  JSON.parse(process.argv[2] ?? ''),
);
const seconds = (performance.now() - began) / 1000;
connection.close();
process.stdout.write(
  JSON.stringify({ ...dump, seconds, mebibytes: Math.round(process.resourceUsage().maxRSS / 1024) }),
);
