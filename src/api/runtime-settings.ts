import Type from 'typebox';
import { resourceRequirements, securityContext } from './kubernetes-types.ts';
import { count, list, mapList, object, objectName, optional, type Static, text } from './schema.ts';

/** Variables of restic's own that do not say where a repository is or how it is opened. */
const RESTIC_VARIABLES = ['RESTIC_COMPRESSION', 'RESTIC_PACK_SIZE', 'RESTIC_READ_CONCURRENCY'];
/** Variables that the agent sets, or by which a shell runs other code than a step's own. */
const TAKEN_VARIABLES = [
  'BASH_ENV',
  'BASHOPTS',
  'ENV',
  'GCONV_PATH',
  'GOMEMLIMIT',
  'HOME',
  'IFS',
  'PATH',
  'PS4',
  'SHELLOPTS',
  'TMPDIR',
];
/** Beginnings of others: they load code into a program, or send it and its credentials to another server. */
const TAKEN_PREFIXES = ['GIT_', 'KUBERNETES_', 'LD_', 'NODE_', 'PERL5', 'PG', 'POD_', 'PYTHON', 'SSL_CERT_'];
const TAKEN = `^((${TAKEN_VARIABLES.join('|')})$|${TAKEN_PREFIXES.join('|')})`;
const taken = new RegExp(TAKEN);

const quotedList = (names: string[]) => names.map((name) => `'${name}'`).join(', ');

const variable = object(
  {
    name: text({
      description: 'Name of the variable.',
      hint: 'write letters, digits and "_", such as HTTPS_PROXY',
      pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      maxLength: 255,
      rules: [
        {
          rule: `!self.matches('${TAKEN}') && (!self.startsWith('RESTIC_') || self in [${quotedList(RESTIC_VARIABLES)}])`,
          message: `the agent sets this variable, or it turns programs to other code or another server; take it out; of restic's own, take ${RESTIC_VARIABLES.join(', ')}`,
          holds: (self: string) =>
            !taken.test(self) && (!self.startsWith('RESTIC_') || RESTIC_VARIABLES.includes(self)),
        },
      ],
    }),
    value: text({
      description: 'Its value, as it is: no other variable is put into it.',
      maxLength: 4096,
    }),
  },
  { description: 'One variable.' },
);

const container = object(
  {
    resources: optional({
      ...resourceRequirements,
      description:
        'What the sidecar asks for and may take, by resource: cpu, memory and ephemeral-storage. What is left out is as the installation says. In a Guaranteed pod requests are set equal to limits; a pod with resources of its own (spec.resources) gives the sidecar of those, and this is not used. A change rolls the workload out.',
    } as typeof resourceRequirements),
    securityContext: optional({
      ...securityContext,
      description:
        'As which user the sidecar runs, where it is not to be the one of the container whose data it reads. All else is fixed: no privilege escalation, a read-only root file system, no capability that the container has not. A pod that must not run as root is not made to. A change rolls the workload out.',
    } as typeof securityContext),
    env: optional(
      mapList(variable, ['name'], {
        description:
          'Variables for restic: a proxy (HTTPS_PROXY), GOMAXPROCS, RESTIC_COMPRESSION, RESTIC_PACK_SIZE, RESTIC_READ_CONCURRENCY. Credentials belong in the Secret of the Repository. A change takes effect with the next session, and rolls nothing out.',
        maxItems: 64,
      }),
    ),
    nice: optional(
      object(
        {
          adjustment: count({
            description:
              'By how much restic gives way to others: 0 not at all, 19 as far as can be. Without this field it is 10.',
            maximum: 19,
          }),
        },
        {
          description:
            'restic gives way to the workload where both want the processor, as nice(1) has it; most schedulers of disks heed it too. A change takes effect with the next session, and rolls nothing out.',
        },
      ),
    ),
  },
  {
    description:
      'How the container that backs up is run; of a task, each of its containers, where this goes before what a Function says. A variable that a Function sets itself stays as it is: another value for it is refused.',
    minProperties: 1,
  },
);

const pod = object(
  {
    imagePullSecrets: optional(
      list(
        object({ name: objectName({ description: 'Name of the Secret.' }) }, { description: 'A Secret.' }),
        {
          description:
            "Secrets in this namespace with which the agent's image is pulled, beside those of the installation. They are added to those of the workload. A change rolls the workload out.",
          minItems: 1,
          maxItems: 16,
        },
      ),
    ),
    serviceAccountName: optional(
      objectName({
        description:
          'Of a task: the ServiceAccount in this namespace that its pod has, such as one with the rights of a cluster backup. default where it is left out.',
      }),
    ),
    nodeSelector: optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        description: 'Of a task: labels that a node has to have for its pod to run there.',
        additionalProperties: text({ description: 'The value of the label.', maxLength: 63 }),
        minProperties: 1,
        maxProperties: 32,
      }),
    ),
  },
  {
    description: 'How the pod is run in which the work is done, as far as it is not for the workload to say.',
    minProperties: 1,
  },
);

export const runtimeSettings = object(
  { container: optional(container), pod: optional(pod) },
  {
    description:
      'How the agent that backs up is run, or each container of a task. Configurations of one workload share one sidecar: where two of them say something different of resources or of the user, one is left out, and its condition tells.',
    minProperties: 1,
  },
);

export type ContainerSettings = Static<typeof container>;
export type RuntimeSettings = Static<typeof runtimeSettings>;
