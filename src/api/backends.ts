import { count, object, objectName, oneOf, optional, type Rule, type Static, text } from './schema.ts';

/**
 * The backends of a Repository that need no volume, with the fields of Stash's Repository v1alpha1. Which keys of the storage Secret
 * each needs is said in restic/credentials.ts.
 */

const noDots: Rule = {
  rule: "!self.matches('(^|/)[.][.]?(/|$)')",
  message: 'a path is written without "." and ".."; write where it leads to',
  holds: (self: string) => !/(^|\/)[.][.]?(\/|$)/.test(self),
};

/** A URL stands in the object, in logs and in the arguments of processes. */
const noCredentials = (keys: string): Rule => ({
  rule: "!self.matches('^([a-z]+://)?[^/]*@')",
  message: `a URL carries no credentials; write them into the storage Secret, as ${keys}`,
  holds: (self: string) => !/^([a-z]+:\/\/)?[^/]*@/.test(self),
});

const prefix = optional(
  text({
    description:
      'The path of the repository in it, such as shop/deployment/web; its root where nothing is said.',
    hint: 'write a path such as shop/deployment/web, without empty parts',
    minLength: 1,
    maxLength: 512,
    pattern: '^/?[^/\\x00-\\x1f\\x7f]+(/[^/\\x00-\\x1f\\x7f]+)*/?$',
    rules: [noDots],
  }),
);

const maxConnections = optional(
  count({
    description: 'How many connections restic has at once; 5 where nothing is said.',
    minimum: 1,
    maximum: 100,
  }),
);

const bucketHint =
  'a name has letters, digits, "-", "_" and "." only, and begins and ends with a letter or a digit';

const s3 = object(
  {
    endpoint: optional(
      text({
        description:
          'The server: a host such as s3.eu-central-1.amazonaws.com, or a URL such as https://minio.example.com:9000. s3.amazonaws.com where nothing is said.',
        hint: 'write a host, or a URL of http or https, without a path: the bucket has a field of its own',
        maxLength: 512,
        pattern:
          '^(https?://)?([^/?#\\s]*@)?([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?/?$',
        rules: [noCredentials('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')],
      }),
    ),
    bucket: text({
      description: 'The bucket. It has to exist.',
      hint: bucketHint,
      minLength: 3,
      maxLength: 255,
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$',
    }),
    prefix,
    region: optional(
      text({
        description: 'The region of the bucket, where the endpoint does not tell it: eu-central-1.',
        hint: 'write the name of a region, such as eu-central-1',
        maxLength: 64,
        pattern: '^[a-zA-Z0-9-]+$',
      }),
    ),
    maxConnections,
  },
  { description: 'A bucket of Amazon S3, or of a server that speaks its protocol.' },
);

const gcs = object(
  {
    bucket: text({
      description: 'The bucket. It has to exist.',
      hint: bucketHint,
      minLength: 3,
      maxLength: 222,
      pattern: '^[a-z0-9][a-z0-9._-]*[a-z0-9]$',
    }),
    prefix,
    maxConnections,
  },
  { description: 'A bucket of Google Cloud Storage.' },
);

const azure = object(
  {
    container: text({
      description: 'The container. It has to exist.',
      hint: 'a name has lower-case letters, digits and "-" only, and begins and ends with a letter or a digit',
      minLength: 3,
      maxLength: 63,
      pattern: '^[a-z0-9][a-z0-9-]*[a-z0-9]$',
    }),
    prefix,
    maxConnections,
    accessTier: optional(
      oneOf(['Hot', 'Cool', 'Cold'], {
        description:
          'How the data is stored: Hot, Cool or Cold; as the storage account has it where nothing is said.',
      }),
    ),
  },
  { description: 'A container of Azure Blob Storage.' },
);

const b2 = object(
  {
    bucket: text({
      description: 'The bucket. It has to exist.',
      hint: 'a name has letters, digits and "-" only',
      minLength: 6,
      maxLength: 50,
      pattern: '^[A-Za-z0-9-]+$',
    }),
    prefix,
    maxConnections,
  },
  { description: 'A bucket of Backblaze B2. restic advises to use it through its S3 protocol, with s3.' },
);

const swift = object(
  {
    container: text({
      description: 'The container. It has to exist.',
      hint: 'a name has neither "/" nor ":"',
      minLength: 1,
      maxLength: 256,
      pattern: '^[^/:\\x00-\\x20\\x7f]+$',
    }),
    prefix,
    maxConnections,
  },
  { description: 'A container of OpenStack Swift.' },
);

const rest = object(
  {
    url: text({
      description:
        "The URL of the repository in restic's REST server, such as https://backup.example.com:8000/shop/.",
      hint: 'write a URL of http or https, without a query',
      maxLength: 1024,
      pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*)?$',
      rules: [noCredentials('REST_SERVER_USERNAME and REST_SERVER_PASSWORD'), noDots],
    }),
    maxConnections,
  },
  { description: "A repository in restic's REST server." },
);

/** Those that need no volume, by the name of their field. */
export const remoteBackends = {
  s3: optional(s3),
  gcs: optional(gcs),
  azure: optional(azure),
  b2: optional(b2),
  swift: optional(swift),
  rest: optional(rest),
};

export const storageSecretName = objectName({
  description:
    'Name of the Secret with the credentials, in the namespace of the Repository. RESTIC_PASSWORD encrypts the data: whoever loses it has lost the backups.',
});

const BACKENDS = ['local', ...Object.keys(remoteBackends)];

/** A repository is in one place. */
export const oneBackend: Rule = {
  rule: `[${BACKENDS.map((name) => `has(self.${name})`).join(', ')}].exists_one(named, named)`,
  message: `snapshots live in one place; name exactly one of ${BACKENDS.join(', ')}`,
  holds: (self: Record<string, unknown>) => BACKENDS.filter((name) => self[name] !== undefined).length === 1,
};

export type S3Backend = Static<typeof s3>;
export type GCSBackend = Static<typeof gcs>;
export type AzureBackend = Static<typeof azure>;
export type B2Backend = Static<typeof b2>;
export type SwiftBackend = Static<typeof swift>;
export type RESTBackend = Static<typeof rest>;
