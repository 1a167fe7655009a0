// A server of the bench in a process of its own: `node admission-server.ts echo|stash-idle|stash`. Tells its parent the port, and what
// it has used of the processor whenever it is asked.
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { issueAuthority, issueLeaf } from '../src/admission/certificate.ts';
import { mutateWorkloads } from '../src/admission/mutate-workloads.ts';
import { createAdmissionServer } from '../src/admission/server.ts';
import { createCaches } from '../src/controllers/caches.ts';
import { wantedAtRest, wantedFor } from '../src/controllers/wanted.ts';
import { injectionOptions } from '../src/injection/options.ts';
import { createMetrics } from '../src/metrics/metrics.ts';
import { configuration, repository, WORKLOADS } from './reviews.ts';

const host = '127.0.0.1';
const path = '/mutate/workloads';
const day = 86_400_000;
const now = Date.now();
const pair = await issueLeaf(await issueAuthority(now, day), ['localhost'], now, day);

/** As little as a webhook in Fastify can do: it reads the review and sends it back. */
async function echo(): Promise<number> {
  const app = Fastify({ https: { cert: pair.certificate, key: pair.key, minVersion: 'TLSv1.2' } });
  app.post(path, (request, reply) => reply.send(request.body));
  await app.listen({ port: 0, host });
  return (app.server.address() as AddressInfo).port;
}

/** The operator's own server, as src/serve.ts makes it, over caches that are full. */
async function stash(hasConfigurations: boolean): Promise<number> {
  const caches = createCaches();
  caches.repositories.set(repository);
  if (hasConfigurations) {
    for (let serial = 0; serial < WORKLOADS; serial++) caches.configurations.set(configuration(serial));
  }
  const server = createAdmissionServer({
    port: 0,
    host,
    log: console,
    onAnswered: createMetrics(caches).onAnswered,
    handlers: {
      [path]: mutateWorkloads({
        log: console,
        wantedFor: (namespace, kind, name) => wantedFor(caches, namespace, kind, name),
        wantedAtRest: (namespace, wanted, annotations) =>
          wantedAtRest(caches, namespace, wanted, annotations),
        injection: injectionOptions({ image: 'stash:bench', nativeSidecar: false }),
      }),
    },
  });
  server.useCertificate(pair);
  return server.listen();
}

const kind = process.argv[2];
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.on('disconnect', () => process.exit());
process.send?.({ port: kind === 'echo' ? await echo() : await stash(kind === 'stash') });
