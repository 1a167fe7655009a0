import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { generate } from 'selfsigned';
import { type Client, createClient } from './client.ts';
import type { Connection } from './connection.ts';
import { type ConnectionOptions, createConnection } from './https-connection.ts';

/** An HTTPS server that answers as a test wants it to, where a real API server cannot be made to fail. */
export interface LocalServer extends AsyncDisposable {
  url: string;
  connection: Connection;
  client: Client;
  /** `METHOD path?query`, in the order in which they came. */
  requests: string[];
  /** TCP connections accepted so far. */
  sockets: Set<Socket>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let certificate: Promise<{ private: string; cert: string }> | undefined;

export async function localServer(answer: Answer, options: ConnectionOptions = {}): Promise<LocalServer> {
  certificate ??= generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const { private: key, cert } = await certificate;
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ key, cert }, async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, response, body);
  });
  server.on('secureConnection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;
  const connection = createConnection({ server: url, credentials: async () => ({ ca: cert }) }, options);
  return {
    url,
    connection,
    client: createClient(connection),
    requests,
    sockets,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function answerJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
