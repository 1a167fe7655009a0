import { apiVersionOf, type Resource } from '../api/resources.ts';
import type { ApiRequest, Connection, QueryValue } from './connection.ts';
import { isGone } from './errors.ts';
import type { ApiObject, Page, Status, WatchEvent } from './object.ts';
import { pathOf } from './resource.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds, 30,000 by default. */
  timeoutMs?: number;
}

export interface ReadOptions extends CallOptions {
  subresource?: Subresource;
}

export interface WriteOptions extends CallOptions {
  subresource?: Subresource;
  /** The server does everything but keep the result. */
  dryRun?: boolean;
  fieldManager?: string;
}

export type Subresource = 'status' | 'scale';

export interface ApplyOptions extends WriteOptions {
  fieldManager: string;
  /** Take over fields that another manager owns, instead of a conflict. */
  force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  gracePeriodSeconds?: number;
  dryRun?: boolean;
}

export interface Selection {
  /** All namespaces where it is left out. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ListOptions extends Selection, CallOptions {
  /** Objects in one page, not in all; 500 by default, and 0 asks for all at once. */
  pageSize?: number;
}

export interface WatchOptions extends Selection {
  resourceVersion: string;
  /** After this the server ends the watch. */
  timeoutSeconds: number;
  /** Milliseconds of silence (bookmarks come about once a minute) after which the watch counts as stalled. */
  silenceMs: number;
  signal?: AbortSignal;
}

export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string;
  from?: string;
  value?: unknown;
}

/** A merge patch of T: null removes a field (RFC 7386). */
export type MergePatch = Record<string, unknown>;

/**
 * The verbs of the Kubernetes API on raw objects: what the server sent is what is returned, unknown fields included.
 *
 * The type parameter is the caller's knowledge of the kind; nothing is checked, since the server has checked it.
 *
 * @throws {ApiError} where the server refuses, {@link ConnectionError} where it cannot be asked
 */
export interface Client {
  get<T extends ApiObject>(
    resource: Resource,
    name: string,
    namespace?: string,
    options?: ReadOptions,
  ): Promise<T>;
  /** All that are selected, page after page. */
  list<T extends ApiObject>(resource: Resource, options?: ListOptions): Promise<T[]>;
  /** The pages of a list. An ApiError that `isGone` in the midst of them: begin again. */
  pages<T extends ApiObject>(resource: Resource, options?: ListOptions): AsyncIterable<Page<T>>;
  watch<T extends ApiObject>(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends ApiObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** Server-side apply: `object` holds exactly the fields that `fieldManager` wants to own, with its name. */
  apply<T extends ApiObject>(resource: Resource, object: ApiObject, options: ApplyOptions): Promise<T>;
  mergePatch<T extends ApiObject>(
    resource: Resource,
    name: string,
    namespace: string | undefined,
    patch: MergePatch,
    options?: WriteOptions,
  ): Promise<T>;
  jsonPatch<T extends ApiObject>(
    resource: Resource,
    name: string,
    namespace: string | undefined,
    patch: JsonPatchOperation[],
    options?: WriteOptions,
  ): Promise<T>;
  /** With the object's resourceVersion, a conflict where it has changed since. */
  replace<T extends ApiObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** The object as it is being deleted, or a Status where it is gone at once. */
  delete(
    resource: Resource,
    name: string,
    namespace?: string,
    options?: DeleteOptions,
  ): Promise<ApiObject | Status>;
}

const defaultPageSize = 500;

export function createClient(connection: Connection): Client {
  async function send<T>(request: ApiRequest, options: CallOptions | undefined): Promise<T> {
    const { signal, timeoutMs } = options ?? {};
    const response = await connection.request({
      ...request,
      ...(signal !== undefined && { signal }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    return response.body as T;
  }

  function patch<T>(
    target: { resource: Resource; name: string; namespace: string | undefined },
    contentType: string,
    body: unknown,
    options: WriteOptions | undefined,
    query?: Record<string, QueryValue>,
  ): Promise<T> {
    const path = objectPath(target.resource, target.name, target.namespace, options?.subresource);
    return send(
      { method: 'PATCH', path, contentType, body, query: { ...writeQuery(options), ...query } },
      options,
    );
  }

  async function* pages<T extends ApiObject>(
    resource: Resource,
    options: ListOptions = {},
  ): AsyncIterable<Page<T>> {
    const path = collectionPath(resource, options.namespace);
    const kind = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    let next: string | undefined;
    do {
      const page: Page<T> = await send(
        {
          method: 'GET',
          path,
          query: {
            ...selectionQuery(options),
            limit: (options.pageSize ?? defaultPageSize) || undefined,
            continue: next,
          },
        },
        options,
      );
      // The items of a built-in kind come without apiVersion and kind; those of a watch have them.
      yield { metadata: page.metadata, items: page.items.map((item) => ({ ...kind, ...item })) };
      next = page.metadata.continue || undefined;
    } while (next !== undefined);
  }

  async function list<T extends ApiObject>(resource: Resource, options: ListOptions = {}): Promise<T[]> {
    const items: T[] = [];
    try {
      for await (const page of pages<T>(resource, options)) items.push(...page.items);
      return items;
    } catch (error) {
      if (!isGone(error) || options.pageSize === 0) throw error;
      // The pages took longer than the server keeps old revisions: all at once cannot expire.
      return list(resource, { ...options, pageSize: 0 });
    }
  }

  return {
    get: (resource, name, namespace, options) =>
      send({ method: 'GET', path: objectPath(resource, name, namespace, options?.subresource) }, options),
    list,
    pages,
    watch: <T extends ApiObject>(resource: Resource, options: WatchOptions) =>
      connection.stream({
        method: 'GET',
        path: collectionPath(resource, options.namespace),
        query: {
          ...selectionQuery(options),
          watch: true,
          allowWatchBookmarks: true,
          resourceVersion: options.resourceVersion,
          timeoutSeconds: options.timeoutSeconds,
        },
        timeoutMs: options.silenceMs,
        ...(options.signal !== undefined && { signal: options.signal }),
      }) as AsyncIterable<WatchEvent<T>>,
    create: (resource, object, options) => {
      const path =
        options?.subresource === undefined
          ? collectionPath(resource, namespaceOf(resource, object))
          : objectPath(resource, object.metadata.name, object.metadata.namespace, options.subresource);
      return send({ method: 'POST', path, body: object, query: writeQuery(options) }, options);
    },
    // JSON is YAML, and every server that knows apply takes this content type.
    apply: (resource, object, options) =>
      patch(
        { resource, name: object.metadata.name, namespace: object.metadata.namespace },
        'application/apply-patch+yaml',
        object,
        options,
        { force: options.force },
      ),
    mergePatch: (resource, name, namespace, body, options) =>
      patch({ resource, name, namespace }, 'application/merge-patch+json', body, options),
    jsonPatch: (resource, name, namespace, body, options) =>
      patch({ resource, name, namespace }, 'application/json-patch+json', body, options),
    replace: (resource, object, options) => {
      const { name, namespace } = object.metadata;
      const path = objectPath(resource, name, namespace, options?.subresource);
      return send({ method: 'PUT', path, body: object, query: writeQuery(options) }, options);
    },
    delete: (resource, name, namespace, options) => {
      const { preconditions, propagationPolicy, gracePeriodSeconds, dryRun } = options ?? {};
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions,
        propagationPolicy,
        gracePeriodSeconds,
        ...(dryRun === true && { dryRun: ['All'] }),
      };
      return send({ method: 'DELETE', path: objectPath(resource, name, namespace), body }, options);
    },
  };
}

function collectionPath(resource: Resource, namespace: string | undefined): string {
  return pathOf(resource, namespace === undefined ? {} : { namespace });
}

function objectPath(resource: Resource, name: string, namespace?: string, subresource?: Subresource): string {
  return pathOf(resource, {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(subresource !== undefined && { subresource }),
  });
}

function namespaceOf(resource: Resource, object: ApiObject): string | undefined {
  const { name, namespace } = object.metadata;
  if (resource.namespaced && namespace === undefined) {
    throw new TypeError(`${resource.kind} ${name}: its namespace is missing`);
  }
  return namespace;
}

function writeQuery(options: WriteOptions | undefined): Record<string, QueryValue> {
  return {
    fieldManager: options?.fieldManager,
    dryRun: options?.dryRun === true ? 'All' : undefined,
    // An unknown or duplicate field is a mistake of ours, and never a silent loss.
    fieldValidation: 'Strict',
  };
}

function selectionQuery(selection: Selection): Record<string, QueryValue> {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}
