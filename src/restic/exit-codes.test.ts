import { describe, expect, test } from 'vitest';
import { explainExit, type FailureReason } from './exit-codes.ts';

describe('how restic ended', () => {
  test('is no failure with exit code 0, whatever it said', () => {
    expect(explainExit({ command: 'backup', code: 0, stderr: 'Fatal: wrong password' })).toBeUndefined();
  });

  test.each<[string, number | null, string | null, FailureReason, boolean]>([
    ['backup', 1, null, 'ResticFailed', true],
    ['cat', 1, null, 'RepositoryUnreachable', true],
    ['snapshots', 1, null, 'RepositoryUnreachable', true],
    ['backup', 2, null, 'ResticCrashed', true],
    ['backup', 3, null, 'SomeFilesUnreadable', false],
    ['forget', 3, null, 'ResticFailed', true],
    ['snapshots', 10, null, 'RepositoryNotFound', false],
    ['forget', 11, null, 'RepositoryLocked', true],
    ['cat', 12, null, 'WrongPassword', false],
    ['backup', 130, null, 'Interrupted', true],
    ['backup', 99, null, 'ResticFailed', true],
    ['backup', null, 'SIGTERM', 'Interrupted', true],
    ['backup', null, 'SIGKILL', 'Killed', true],
    ['backup', null, 'SIGSEGV', 'Killed', true],
    ['backup', null, null, 'Killed', true],
  ])('%s with code %s and signal %s is %s', (command, code, signal, reason, retryable) => {
    expect(explainExit({ command, code, signal })).toMatchObject({ code, reason, retryable });
  });

  test('is decided by the exit code and never by the text', () => {
    const stderr =
      '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}';
    expect(explainExit({ command: 'backup', code: 11, stderr })?.reason).toBe('RepositoryLocked');
  });

  test('without a repository in a directory of the node tells which node, and that each has its own', () => {
    const hostPath = { path: '/srv/backups', node: 'node-b' };
    const failure = explainExit({ command: 'snapshots', code: 10, hostPath });
    expect(failure).toMatchObject({ reason: 'RepositoryNotFound', retryable: false });
    expect(failure?.message).toMatch(
      /^There is no repository in \/srv\/backups of the node node-b\. .*each node has a directory of its own/,
    );
  });

  test('is told with what to do, and then in the words of restic', () => {
    const stderr = [
      '/data/x does not exist, skipping',
      '{"message_type":"error","error":{"message":"open /data/no: permission denied"},"during":"archival","item":"/data/no"}',
      '{"message_type":"something_new"}',
      '{"message_type":"exit_error","code":3,"message":"Warning: at least one source file could not be read"}',
      '',
    ].join('\n');
    expect(explainExit({ command: 'backup', code: 3, stderr })?.message).toBe(
      'Some files could not be read, so the snapshot is not complete. Let the user that the backup runs as read them, or exclude them. restic said: /data/x does not exist, skipping\n/data/no: open /data/no: permission denied\nWarning: at least one source file could not be read',
    );
  });

  test('is told in bounded length, the end of it', () => {
    const stderr = Array.from({ length: 5000 }, (_, index) => `line ${index} ${'x'.repeat(200)}`).join('\n');
    const message =
      explainExit({ command: 'backup', code: 1, stderr: `${stderr}\nthe cause` })?.message ?? '';
    expect(message.length).toBeLessThan(1400);
    expect(message).toMatch(/the cause$/);
  });

  test('is told without secrets, even where the text is cut in the midst of one', () => {
    const secret = 'correct horse battery staple';
    const stderr = `${secret} `.repeat(200);
    const message = explainExit({ command: 'backup', code: 1, stderr, secrets: [secret] })?.message;
    expect(message).not.toMatch(/correct|horse|battery|staple/);
  });
});
