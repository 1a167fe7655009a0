import { posix } from 'node:path';
import type {
  AzureBackend,
  B2Backend,
  GCSBackend,
  RESTBackend,
  S3Backend,
  SwiftBackend,
} from '../api/backends.ts';

/** Where a repository lives: one of these, named and written as in the spec of a Repository. */
export interface Backend {
  readonly local?: LocalBackend | undefined;
  readonly s3?: S3Backend | undefined;
  readonly gcs?: GCSBackend | undefined;
  readonly azure?: AzureBackend | undefined;
  readonly b2?: B2Backend | undefined;
  readonly swift?: SwiftBackend | undefined;
  readonly rest?: RESTBackend | undefined;
}

export type BackendName = keyof Backend;

export interface LocalBackend {
  /** Where the volume is mounted for restic. */
  readonly mountPath: string;
  /** The directory in the volume that holds the repository; its root where it is left out. Without "..", as the schema holds. */
  readonly subPath?: string;
}

/** A backend as restic's command line has it. */
export interface Location {
  readonly name: BackendName;
  /** For RESTIC_REPOSITORY. */
  readonly repository: string;
  /** Arguments of every command. */
  readonly options: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * @see https://restic.readthedocs.io/en/v0.18.1/030_preparing_a_new_repo.html
 * @throws {TypeError} where no backend is named, which the schema of a Repository refuses
 */
export function locationOf({ local, s3, gcs, azure, b2, swift, rest }: Backend): Location {
  if (local !== undefined) return localLocation(local);
  if (s3 !== undefined) return s3Location(s3);
  if (gcs !== undefined) return gcsLocation(gcs);
  if (azure !== undefined) return azureLocation(azure);
  if (b2 !== undefined) return b2Location(b2);
  if (swift !== undefined) return swiftLocation(swift);
  if (rest !== undefined) return restLocation(rest);
  throw new TypeError('the Repository names no backend');
}

/** Section "Local". */
function localLocation({ mountPath, subPath = '' }: LocalBackend): Location {
  return { name: 'local', repository: posix.join(mountPath, subPath), options: [], variables: {} };
}

/**
 * Sections "Amazon S3" and "S3-compatible Storage". Always in the form of a URL, whose path restic decodes: in the other form a host
 * that begins with "http" would be taken for one.
 */
function s3Location({
  endpoint = 's3.amazonaws.com',
  bucket,
  prefix,
  region,
  maxConnections,
}: S3Backend): Location {
  const server = (endpoint.includes('://') ? endpoint : `https://${endpoint}`).replace(/\/$/, '');
  const path = [bucket, ...partsOf(prefix)].map(encodeURIComponent).join('/');
  return {
    name: 's3',
    repository: `s3:${server}/${path}`,
    options: connections('s3', maxConnections),
    variables: region === undefined ? {} : { AWS_DEFAULT_REGION: region },
  };
}

/** Section "Google Cloud Storage". */
function gcsLocation({ bucket, prefix, maxConnections }: GCSBackend): Location {
  const repository = `gs:${bucket}:/${partsOf(prefix).join('/')}`;
  return { name: 'gcs', repository, options: connections('gs', maxConnections), variables: {} };
}

/** Section "Microsoft Azure Blob Storage". */
function azureLocation({ container, prefix, maxConnections, accessTier }: AzureBackend): Location {
  const repository = `azure:${container}:/${partsOf(prefix).join('/')}`;
  const tier = accessTier === undefined ? [] : [`--option=azure.access-tier=${accessTier}`];
  const options = [...connections('azure', maxConnections), ...tier];
  return { name: 'azure', repository, options, variables: {} };
}

/** Section "Backblaze B2". */
function b2Location({ bucket, prefix, maxConnections }: B2Backend): Location {
  const repository = `b2:${bucket}:${partsOf(prefix).join('/')}`;
  return { name: 'b2', repository, options: connections('b2', maxConnections), variables: {} };
}

/** Section "OpenStack Swift". */
function swiftLocation({ container, prefix, maxConnections }: SwiftBackend): Location {
  const repository = `swift:${container}:/${partsOf(prefix).join('/')}`;
  return { name: 'swift', repository, options: connections('swift', maxConnections), variables: {} };
}

/** Section "REST Server". */
function restLocation({ url, maxConnections }: RESTBackend): Location {
  const repository = `rest:${url.replace(/\/*$/, '/')}`;
  return { name: 'rest', repository, options: connections('rest', maxConnections), variables: {} };
}

/** A prefix has no slash at its ends for restic, however it is written. */
function partsOf(prefix = ''): string[] {
  return prefix.split('/').filter((part) => part !== '');
}

function connections(scheme: string, most: number | undefined): string[] {
  return most === undefined ? [] : [`--option=${scheme}.connections=${most}`];
}
