import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';

type Secret = ApiObject & { data?: Record<string, string> };

export interface SecretStore {
  client: Client;
  /** What is in it, as everybody sees it. */
  secret: Secret | undefined;
  /** How often it was written. */
  writes: number;
  /** Happens once, right before the next write. */
  beforeWrite: (() => Promise<void>) | undefined;
  /** What reading fails with, while it is set. */
  failure: Error | undefined;
}

/** One Secret with the API server's own rules for writers that meet: create once, replace only what was read. */
export function secretStore(secret?: Secret): SecretStore {
  const store: SecretStore = {
    client: {} as Client,
    secret,
    writes: 0,
    beforeWrite: undefined,
    failure: undefined,
  };
  const write = (next: Secret): Secret => {
    store.writes += 1;
    store.secret = { ...next, metadata: { ...next.metadata, resourceVersion: String(store.writes) } };
    return store.secret;
  };
  const meet = async (): Promise<void> => {
    const first = store.beforeWrite;
    store.beforeWrite = undefined;
    await first?.();
  };
  const verbs = {
    get: async () => {
      if (store.failure !== undefined) throw store.failure;
      if (store.secret === undefined) throw new ApiError(404, { reason: 'NotFound' });
      return structuredClone(store.secret);
    },
    create: async (_: unknown, object: Secret) => {
      await meet();
      if (store.secret !== undefined) throw new ApiError(409, { reason: 'AlreadyExists' });
      return write(object);
    },
    replace: async (_: unknown, object: Secret) => {
      await meet();
      if (store.secret?.metadata.resourceVersion !== object.metadata.resourceVersion) {
        throw new ApiError(409, { reason: 'Conflict' });
      }
      return write(object);
    },
  };
  store.client = verbs as unknown as Client;
  return store;
}
