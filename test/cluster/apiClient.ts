import { Agent, request } from 'node:https';
import { layout } from './layout.ts';
import type { Pki } from './pki.ts';

export interface Answer {
  status: number;
  body: string;
}

/** Asks the API server as admin; status 0 where it does not answer. Starting kubectl for each question is slow. */
export type Ask = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<Answer>;

export function apiClient(pki: Pki): Ask {
  const agent = new Agent({
    ca: pki.authority.certificate,
    cert: pki.users.admin.certificate,
    key: pki.users.admin.key,
    keepAlive: true,
  });
  return (method, path, body) =>
    new Promise((resolve) => {
      const asked = request(
        `${layout.apiServer}${path}`,
        { agent, method, headers: { 'content-type': 'application/json' }, timeout: 5_000 },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', () => resolve({ status: 0, body: '' }));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      asked.on('timeout', () => asked.destroy());
      asked.on('error', (error) => resolve({ status: 0, body: error.message }));
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
