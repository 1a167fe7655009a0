// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import { describe, expect, it } from 'vitest';
import { FUNCTION, type Kind, TASK } from '../api/kinds.ts';
import { systemClock } from '../kube/clock.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { functionOf, named, taskOf } from '../tasks/run.fixture.ts';
import { requestFor } from './review.fixture.ts';
import { type TaskOptions, validateTasks } from './validate-tasks.ts';
import { ALLOWED } from './verdict.ts';

const tool = functionOf('tool', { args: ['${table}'] });
const right = taskOf({ name: 'tool', inputs: { table: 'x' } });
const wrong = taskOf('tool');

const review = (kind: Kind, object: object, options: Partial<TaskOptions> = {}, oldObject?: object) =>
  validateTasks({ functionNamed: named([tool]), tasks: () => [], ...options })(
    requestFor({
      operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
      kind,
      name: (object as { metadata: { name: string } }).metadata.name,
      namespace: '',
      object: structuredClone(object) as Record<string, unknown>,
      oldObject: oldObject as Record<string, unknown>,
    }),
  );

describe('validateTasks', () => {
  it('admits what can run', async () => {
    expect(await review(FUNCTION, tool)).toBe(ALLOWED);
    expect(await review(TASK, right)).toBe(ALLOWED);
  });

  it('refuses a Task with each thing that keeps it from running', async () => {
    const verdict = await review(TASK, taskOf('tool', { name: 'tool', inputs: { table: '${' } }));
    expect(verdict).toMatchObject({
      allowed: false,
      status: {
        code: 422,
        details: {
          kind: 'Task',
          name: 'work',
          causes: [
            { field: 'spec.functions[0]', message: expect.stringContaining('Function "tool", spec.args[0]') },
            { field: 'spec.functions[1].inputs.table', message: expect.stringContaining('is no variable') },
          ],
        },
      },
    });
  });

  it('refuses a Function that no pod can be made from', async () => {
    expect(await review(FUNCTION, functionOf('tool', { image: 'a b' }))).toMatchObject({
      allowed: false,
      status: { details: { kind: 'Function', causes: [{ field: 'spec.image' }] } },
    });
  });

  it('waits a moment for a Function that another replica has just admitted', async () => {
    let asked = 0;
    const functionNamed = (name: string) => (++asked > 6 ? named([tool])(name) : undefined);
    expect(await review(TASK, right, { functionNamed, clock: systemClock })).toBe(ALLOWED);
  });

  it('waits no longer than two seconds', async () => {
    const clock = manualClock();
    const verdict = review(TASK, right, { functionNamed: () => undefined, clock });
    for (let waited = 0; waited <= 2_000; waited += 50) await clock.advance(50);
    expect(await verdict).toMatchObject({
      allowed: false,
      status: { details: { causes: [{ field: 'spec.functions[0].name' }] } },
    });
  });

  it('warns of each Task that a changed Function breaks, and ran before', async () => {
    const changed = functionOf('tool', { args: ['${table}', '${column}'] });
    const verdict = await review(FUNCTION, changed, { tasks: () => [right, wrong] }, tool);
    expect(verdict).toEqual({
      allowed: true,
      warnings: [
        expect.stringContaining(
          'Task work cannot run with it: spec.functions[0]: Function "tool", spec.args[1]',
        ),
      ],
    });
  });

  it('admits a wrong object whose spec stays as it was, or that is being deleted', async () => {
    expect(await review(TASK, { ...wrong, metadata: { name: 'work', labels: { a: 'b' } } }, {}, wrong)).toBe(
      ALLOWED,
    );
    const leaving = { ...wrong, metadata: { name: 'work', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(await review(TASK, leaving, {}, right)).toBe(ALLOWED);
  });
});
