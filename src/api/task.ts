import Type from 'typebox';
import { LONGEST_INPUT } from './function.ts';
import type { KubernetesObject } from './object.ts';
import { list, object, optional, type Static, text } from './schema.ts';

const step = object(
  {
    name: text({
      description:
        'Name of the Function. One that is not found is looked for in kebab case: pgBackup finds pg-backup.',
      hint: 'write the name of a Function, such as pg-backup',
      minLength: 1,
      maxLength: 253,
      pattern: '^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$',
    }),
    inputs: optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        description: `The Function's variables, by name. In a value, \${name} stands for what the session provides under that name; $$ is one $.`,
        additionalProperties: text({ description: 'The value.', maxLength: LONGEST_INPUT }),
        maxProperties: 128,
      }),
    ),
  },
  { description: 'One Function and what it is given.' },
);

const spec = object(
  {
    functions: list(step, {
      description:
        'The Functions, in order: each begins when the one before is done. All run in one pod, with one temporary volume.',
      minItems: 1,
      maxItems: 16,
    }),
  },
  { description: 'What is done, one after another.' },
);

export const task = { spec };

export type TaskStep = Static<typeof step>;
export type TaskSpec = Static<typeof spec>;
export type Task = KubernetesObject<TaskSpec>;
