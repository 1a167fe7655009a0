import { describe, expect, it } from 'vitest';
import { BACKUP_SESSION, KINDS, RESTORE_SESSION } from './kinds.ts';
import { describeProblems } from './problem.ts';
import { RULES, type Rule } from './schema.ts';
import { validate } from './validate.ts';

function rulesIn(schema: unknown): Rule[] {
  if (schema === null || typeof schema !== 'object') return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === RULES ? (value as Rule[]) : rulesIn(value),
  );
}

describe('the rules of our kinds', () => {
  const rules = KINDS.flatMap((kind) =>
    [kind.spec, kind.status].flatMap(rulesIn).map((rule) => [kind.kind, rule] as const),
  );

  it.each(rules)('of %s hold offline too: $rule', (_, { holds }) => {
    expect(holds).toBeTypeOf('function');
  });

  it.each(rules)('of %s say what to do: $message', (_, { message }) => {
    expect(message).toMatch(/(^|[;,] )(write|make|set|name|take|choose) /);
    expect(message.length).toBeLessThan(200);
  });
});

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
const restore = (difference: object = {}) => ({
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'RestoreSession',
  metadata: { name: 'shop' },
  spec: { repository: { name: 'shop' }, target: { ref, directories: ['/source/data'] }, ...difference },
});
/** What a task asks for, where `field` has a meaning with one alone. */
const ofTask = (field: string) =>
  ['task', 'runtimeSettings'].includes(field)
    ? {
        target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'shop' } },
        task: { name: 'volume-recovery' },
      }
    : {};
const session = (name: string, cancel = false) => ({
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'BackupSession',
  metadata: { name: 'now' },
  spec: { backupConfiguration: { name }, cancel },
});

describe('brokenRules', () => {
  it('finds a change that a rule forbids, and only where something was before', () => {
    expect(validate(BACKUP_SESSION, session('a'))).toEqual([]);
    expect(describeProblems(validate(BACKUP_SESSION, session('a'), session('b')))).toBe(
      'spec.backupConfiguration: a session runs the configuration that it was made for; make another session',
    );
    expect(validate(BACKUP_SESSION, session('a', true), session('a'))).toEqual([]);
    expect(describeProblems(validate(BACKUP_SESSION, session('a'), session('a', true)))).toContain(
      'spec.cancel: a session that was cancelled stays so',
    );
  });

  it.each(['source', 'rules', 'include', 'exclude', 'mode', 'timeout', 'task', 'runtimeSettings'])(
    'refuses a change of %s of a RestoreSession',
    (field) => {
      const values: Record<string, [unknown, unknown]> = {
        source: [{ backupConfiguration: 'a' }, { backupConfiguration: 'b' }],
        rules: [[{ sourceHost: 'host-1' }], undefined],
        include: [undefined, ['*.sql']],
        exclude: [['*.tmp'], ['*.bak']],
        mode: ['Overlay', 'Exact'],
        timeout: ['1h', '2h'],
        task: [{ name: 'volume-recovery' }, { name: 'pg-recovery' }],
        runtimeSettings: [{ pod: { serviceAccountName: 'a' } }, undefined],
      };
      const [before, after] = (values[field] ?? []).map((value) => {
        const object = restore({ ...ofTask(field), ...(value !== undefined && { [field]: value }) });
        expect(validate(RESTORE_SESSION, object)).toEqual([]);
        return object;
      });
      expect(describeProblems(validate(RESTORE_SESSION, after, before))).toContain('cannot be changed');
      expect(validate(RESTORE_SESSION, after, after)).toEqual([]);
    },
  );
});
