import type { KubernetesObject } from './object.ts';
import { bool, count, object, objectName, optional, type Static, text } from './schema.ts';

/**
 * What we read of an AppBinding of KubeDB's. Where KubeDB is installed, the definition is its own and has more fields.
 *
 * @see https://kubedb.com/docs/latest/guides/postgres/concepts/appbinding/
 */
const clientConfig = object(
  {
    url: optional(
      text({
        description: 'Where the application is, such as postgres://db.example.com:5432; instead of service.',
        hint: 'write a URL such as postgres://db.example.com:5432, without credentials',
        maxLength: 2048,
        rules: [
          {
            rule: "!self.matches('^[a-z0-9+.-]+://[^/]*@')",
            message: 'a URL carries no credentials; write them into the Secret',
            holds: (self: string) => !/^[a-z0-9+.-]+:\/\/[^/]*@/.test(self),
          },
        ],
      }),
    ),
    service: optional(
      object(
        {
          scheme: optional(text({ description: 'The scheme of its URL, such as http.', maxLength: 63 })),
          name: objectName({
            description: 'Name of the Service, in the namespace of the AppBinding.',
          }),
          port: count({ description: 'Port of the Service.', minimum: 1, maximum: 65535 }),
          path: optional(text({ description: 'The path of its URL.', maxLength: 1024 })),
          query: optional(text({ description: 'The query of its URL.', maxLength: 1024 })),
        },
        { description: 'The Service by which the application is reached.' },
      ),
    ),
    insecureSkipTLSVerify: optional(
      bool({ description: 'Whether the certificate of the application is not verified.' }),
    ),
    caBundle: optional(
      text({ description: 'What its certificate is verified by: PEM in base64.', maxLength: 262_144 }),
    ),
  },
  {
    description: 'How the application is reached: by a URL or a Service.',
    rules: [
      {
        rule: 'has(self.url) != has(self.service)',
        message: 'name one of url and service',
        holds: (self: object) => 'url' in self !== 'service' in self,
      },
    ],
  },
);

const spec = object(
  {
    type: optional(
      text({ description: 'What the application is, such as kubedb.com/postgres.', maxLength: 253 }),
    ),
    version: optional(text({ description: 'The version of the application.', maxLength: 63 })),
    clientConfig,
    secret: optional(
      object(
        {
          name: objectName({ description: 'Name of the Secret, in the namespace of the AppBinding.' }),
        },
        { description: 'The Secret with the credentials of the application.' },
      ),
    ),
  },
  { description: 'How to reach an application, and with which credentials.' },
);

export const appBinding = { spec };

export type AppBindingSpec = Static<typeof spec>;
export type AppBinding = KubernetesObject<AppBindingSpec>;
