import Type from 'typebox';
import { functionSettings, volumeMounts } from './function-settings.ts';
import type { KubernetesObject } from './object.ts';
import { bool, count, list, object, oneOf, optional, type Static, text } from './schema.ts';

/** How long a value of an input may be, in characters. */
export const LONGEST_INPUT = 8192;

const argument = text({ description: 'One argument.', maxLength: 32_768 });

const number = (description: string) => Type.Number({ description });

/**
 * A JSON Schema of one value. Values come as texts, from maps of texts: so there are neither objects nor lists, and nothing refers to
 * another schema or repeats one.
 *
 * @see https://json-schema.org/draft/2020-12/json-schema-validation
 */
const inputSchema = object(
  {
    type: optional(
      oneOf(['string', 'integer', 'number', 'boolean'], {
        description: 'What the value is: string, integer, number or boolean.',
      }),
    ),
    enum: optional(
      list(text({ description: 'One possible value.', maxLength: LONGEST_INPUT }), {
        description: 'The values that are possible.',
        minItems: 1,
        maxItems: 128,
      }),
    ),
    pattern: optional(
      text({
        description:
          'A regular expression that must match somewhere in the value: in the syntax of RE2 that has no flags, names and Unicode classes.',
        minLength: 1,
        maxLength: 256,
      }),
    ),
    minLength: optional(
      count({ description: 'How many characters it has at least.', maximum: LONGEST_INPUT }),
    ),
    maxLength: optional(
      count({ description: 'How many characters it has at most.', maximum: LONGEST_INPUT }),
    ),
    minimum: optional(number('The smallest number that it may be.')),
    maximum: optional(number('The greatest number that it may be.')),
  },
  {
    description:
      'A JSON Schema that the value must fit; a value that is empty is none, and is not looked at.',
  },
);

const input = object(
  {
    description: optional(text({ description: 'What the input is for, for people.', maxLength: 4096 })),
    required: bool({
      description:
        'Whether there must be a value that is not empty: by the Task, the session, or the default.',
      default: false,
    }),
    default: optional(
      text({
        description: 'The value where there is none, or an empty one. It is put in as it stands.',
        maxLength: LONGEST_INPUT,
      }),
    ),
    schema: optional(inputSchema),
  },
  { description: 'What is said of one input.' },
);

const spec = object(
  {
    image: text({
      description: 'The image of the container.',
      minLength: 1,
      maxLength: 1024,
    }),
    imagePullPolicy: optional(
      oneOf(['Always', 'IfNotPresent', 'Never'], {
        description: 'When the image is pulled, as in a container of Kubernetes.',
      }),
    ),
    name: optional(
      text({
        description:
          'The name of the container; that of the Function where nothing is said. A number follows where a Task has it twice.',
        minLength: 1,
        maxLength: 63,
      }),
    ),
    command: optional(
      list(argument, {
        description: "The program and its first arguments, in place of the image's own.",
        maxItems: 256,
      }),
    ),
    args: optional(
      list(argument, {
        description: `The arguments. Here and in every other field, \${name} and \${name:=default} are filled in, and $(name) too, where it is no environment variable of this container; $$ is one $.`,
        maxItems: 256,
      }),
    ),
    workingDir: optional(text({ description: 'The directory that the container starts in.' })),
    volumeMounts: optional(volumeMounts),
    inputs: optional(
      Type.Unsafe<Record<string, Static<typeof input>>>({
        type: 'object',
        description:
          'The inputs, by name. Where any are declared, a Task may give no others, and each value must fit.',
        additionalProperties: input,
        maxProperties: 64,
      }),
    ),
    runtimeSettings: optional(functionSettings),
  },
  { description: 'What the container is, as a template.' },
);

export const functionSchema = { spec };

export type InputSchema = Static<typeof inputSchema>;
export type Input = Static<typeof input>;
export type FunctionSpec = Static<typeof spec>;
/** A Function: one container that does one thing. (The name without "Object" is JavaScript's own.) */
export type FunctionObject = KubernetesObject<FunctionSpec>;
