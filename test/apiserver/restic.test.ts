import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addTagArguments,
  backupArguments,
  catConfigArguments,
  forgetArguments,
  initArguments,
  listDirectoryArguments,
  restoreArguments,
  snapshotsArguments,
} from '../../src/restic/arguments.ts';
import { repositoryEnvironment } from '../../src/restic/environment.ts';
import { explainExit } from '../../src/restic/exit-codes.ts';
import { UnreadableOutputError } from '../../src/restic/json.ts';
import { type BackupSummary, parseBackupLine, parseRestoreLine } from '../../src/restic/messages.ts';
import {
  parseConfig,
  parseDirectory,
  parseForget,
  parseInit,
  parseSnapshots,
  parseTagged,
} from '../../src/restic/output.ts';
import { excludesBelow, includeWithout, isExcluded } from '../../src/restic/patterns.ts';
import { configurationTags, INCOMPLETE_TAG, subjectOf, tagsOf, targetTags } from '../../src/restic/tags.ts';

const PROGRAM = process.env.RESTIC ?? 'restic';
const PASSWORD = 'correct, horse "battery" <staple>';

let root: string;
let repositoryID: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stash-restic-'));
  for (const name of ['secret', 'wrong', 'cache', 'tmp']) await mkdir(join(root, name));
  await writeFile(join(root, 'secret', 'RESTIC_PASSWORD'), PASSWORD);
  await writeFile(join(root, 'wrong', 'RESTIC_PASSWORD'), `${PASSWORD}!`);
  repositoryID = parseInit((await succeeded(initArguments())).stdout);
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

interface Ended {
  command: string;
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

interface Place {
  subPath?: string;
  secret?: string;
}

function start(args: string[], { subPath = 'repository', secret = 'secret' }: Place = {}): ChildProcess {
  const env = repositoryEnvironment(
    { local: { mountPath: root, subPath } },
    {
      secretDirectory: join(root, secret),
      secret: new Map(),
      cacheDirectory: join(root, 'cache'),
      temporaryDirectory: join(root, 'tmp'),
      path: process.env.PATH ?? '',
    },
  );
  return spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function run(args: string[], place?: Place): Promise<Ended> {
  return await end(start(args, place), args);
}

async function end(child: ChildProcess, [command = '']: string[]): Promise<Ended> {
  if (child.stdout === null || child.stderr === null) throw new Error('restic has no pipes');
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { command, code, signal, stdout, stderr };
}

async function succeeded(args: string[], place?: Place): Promise<Ended> {
  const ended = await run(args, place);
  expect(explainExit(ended)).toBeUndefined();
  return ended;
}

function lines(output: string): string[] {
  return output.split('\n').filter((line) => line !== '');
}

function subjectOfDirectory(configuration: string, directory: string) {
  return { namespace: 'shop', configuration, kind: 'Deployment', name: 'web', directory };
}

async function backUp(configuration: string, directory: string, host = 'host-0'): Promise<BackupSummary> {
  const tags = tagsOf(subjectOfDirectory(configuration, directory));
  const { stdout } = await succeeded(backupArguments({ host, tags, directory }));
  const summary = lines(stdout)
    .map(parseBackupLine)
    .find((message) => message.type === 'summary');
  if (summary === undefined) throw new Error(`restic backup gave no summary: ${stdout}`);
  return summary;
}

async function snapshotsOf(tags: readonly [string, ...string[]]) {
  return parseSnapshots((await succeeded(snapshotsArguments({ tags }))).stdout);
}

/** What a restore has to bring back, of every file below `directory`. */
async function inventory(directory: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  const firstNames = new Map<number, string>();
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const path = join(directory, name);
    const { mode, uid, gid, mtimeMs, ino } = await lstat(path);
    const isLink = (mode & 0o170000) === 0o120000;
    const isFile = (mode & 0o170000) === 0o100000;
    found[name] = {
      mode,
      uid,
      gid,
      mtime: Math.floor(mtimeMs),
      content: isLink ? await readlink(path) : isFile ? (await readFile(path)).toString('base64') : undefined,
      sameAs: isFile ? (firstNames.get(ino) ?? name) : undefined,
    };
    if (!firstNames.has(ino)) firstNames.set(ino, name);
  }
  return found;
}

/** A snapshot of a directory, and a target that has nothing of it and something else. */
async function changedSince(name: string) {
  const directory = join(root, `${name}-source`);
  const target = join(root, `${name}-target`);
  for (const file of ['etc/conf', 'data/a.sql', 'plain', 'other']) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), file);
  }
  await mkdir(join(target, 'cache'), { recursive: true });
  for (const file of ['new', 'cache/new']) await writeFile(join(target, file), 'new');
  const { snapshot = '' } = await backUp(name, directory);
  return { directory, target, snapshot };
}

describe('the real restic', () => {
  test('brings back what it backed up, odd names, links, modes and holes', async () => {
    const directory = join(root, 'data, 100% of it ');
    await mkdir(join(directory, '-rf'), { recursive: true });
    await chmod(directory, 0o1775);
    for (const name of [
      'plain',
      'empty',
      '--help',
      'with space',
      'line\nbreak',
      'größe,ü',
      '*?[x]',
      '-rf/below',
    ]) {
      await writeFile(join(directory, name), name === 'empty' ? '' : `content of ${name}`);
    }
    await chmod(join(directory, 'plain'), 0o600);
    await link(join(directory, 'plain'), join(directory, 'same as plain'));
    await symlink('plain', join(directory, 'symlink'));
    await symlink('/nowhere', join(directory, 'dangling'));
    const sparse = await open(join(directory, 'sparse'), 'w');
    await sparse.write('end', 8 * 1024 * 1024);
    await sparse.close();

    const summary = await backUp('odd', directory);
    expect(summary).toMatchObject({ filesNew: 10, filesChanged: 0, filesUnmodified: 0 });
    const [snapshot] = await snapshotsOf(tagsOf(subjectOfDirectory('odd', directory)));
    expect(snapshot).toMatchObject({ id: summary.snapshot, host: 'host-0', paths: [directory] });
    expect(subjectOf(snapshot?.tags ?? [])).toEqual(subjectOfDirectory('odd', directory));

    const target = join(root, 'target');
    await mkdir(target, { mode: 0o700 });
    const { stdout } = await succeeded(
      restoreArguments({ snapshot: summary.snapshot ?? '', directory, target }),
    );
    // Three directories and links come on top of the ten files.
    expect(lines(stdout).map(parseRestoreLine).at(-1)).toMatchObject({
      type: 'summary',
      totalFiles: 13,
      filesRestored: 13,
    });
    expect(await inventory(target)).toEqual(await inventory(directory));
    const restored = await lstat(join(target, 'sparse'));
    expect(restored.blocks * 512).toBeLessThan(restored.size / 2);
  });

  test('leaves mode and owner of the directory itself to whoever asks for its node', async () => {
    const directory = join(root, 'holder', 'sticky');
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o3751);
    await writeFile(join(directory, 'file'), 'x');
    const { snapshot = '' } = await backUp('node', directory);
    const { stdout } = await succeeded(listDirectoryArguments({ snapshot, directory }));
    const { uid, gid } = await lstat(directory);
    expect(lines(stdout)).toHaveLength(2);
    expect(parseDirectory(stdout, 'sticky')).toMatchObject({ uid, gid, mode: 0o3751 });
    expect(parseDirectory(stdout, 'other')).toBeUndefined();
  });

  test('leaves out what is excluded, though it begins with a hyphen', async () => {
    const directory = join(root, 'excluded');
    await mkdir(directory);
    for (const name of ['keep', '-drop', 'drop.tmp']) await writeFile(join(directory, name), name);
    const tags = tagsOf(subjectOfDirectory('exclude', directory));
    const { stdout } = await succeeded(
      backupArguments({ host: 'host-0', tags, directory, exclude: ['-drop', '*.tmp'] }),
    );
    expect(lines(stdout).map(parseBackupLine).at(-1)).toMatchObject({ type: 'summary', totalFiles: 1 });
  });

  test('leaves out what isExcluded says it does, and spares it in a restore by excludesBelow', async () => {
    const directory = join(root, 'matched', 'data');
    const files = [
      'b.tmp',
      'cache/x',
      'deep/data/cache/q',
      'logs/1.log',
      'logs/keep.log',
      'x[1]',
      'a-b',
      'odd*',
      'ü',
    ];
    for (const file of files) {
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await writeFile(join(directory, file), file);
    }
    const all = [
      directory,
      ...(await readdir(directory, { recursive: true })).map((name) => join(directory, name)),
    ];
    const cases = [
      ['*.tmp', 'data/cache', 'x\\[1\\]', '[ü-ý]', '*.log', '!keep.log'],
      [`${directory}/*`, '!data/deep', '!logs', 'logs/[^k]*', './q/'],
      [`${root}/**/b.tmp`, 'matched/*/cache', 'deep/**/q', 'odd\\*', '?-b', '!a-b', '//logs'],
    ];
    for (const exclude of cases) {
      const args = backupArguments({ host: 'host-0', tags: ['matched=yes'], directory, exclude });
      const summary = lines((await succeeded(args)).stdout)
        .map(parseBackupLine)
        .at(-1);
      if (summary?.type !== 'summary') throw new Error('restic backup gave no summary');
      const snapshot = summary.snapshot ?? '';
      const { stdout } = await succeeded(['ls', '--json', '--', snapshot]);
      const kept = lines(stdout).flatMap((line) => JSON.parse(line).path ?? []);
      const isKept = (path: string): boolean =>
        !isExcluded(exclude, path) && (path === '/' || isKept(dirname(path)));
      expect(all.filter(isKept).sort()).toEqual(all.filter((path) => kept.includes(path)).sort());

      const before = await inventory(directory);
      const spared = excludesBelow(exclude, directory);
      await succeeded(
        restoreArguments({ snapshot, directory, target: directory, exclude: spared, exact: true }),
      );
      expect(await inventory(directory)).toEqual(before);
    }
  });

  test('forgets by configuration and host, and nothing of another', async () => {
    const directory = join(root, 'forgotten');
    await mkdir(directory);
    await writeFile(join(directory, 'file'), 'x');
    for (let round = 0; round < 3; round++) {
      await backUp('kept', directory);
      await backUp('forgotten', directory, 'host-0');
      await backUp('forgotten', directory, 'host-1');
    }
    const tags = configurationTags(subjectOfDirectory('forgotten', directory));
    const before = await snapshotsOf(tags);
    expect(before).toHaveLength(6);

    const tried = await succeeded(
      forgetArguments({ tags, policy: { keepLast: 2, dryRun: true, prune: true } }),
    );
    expect(parseForget(tried.stdout).map((group) => group.remove.length)).toEqual([1, 1]);
    expect(await snapshotsOf(tags)).toHaveLength(6);

    const done = await succeeded(forgetArguments({ tags, policy: { keepLast: 2, prune: true } }));
    const groups = parseForget(done.stdout);
    expect(groups.map(({ host, keep, remove }) => [host, keep.length, remove.length]).sort()).toEqual([
      ['host-0', 2, 1],
      ['host-1', 2, 1],
    ]);
    const removed = groups.flatMap((group) => group.remove.map(({ id }) => id));
    expect(await snapshotsOf(tags)).toEqual(before.filter(({ id }) => !removed.includes(id)));
    expect(await snapshotsOf(configurationTags(subjectOfDirectory('kept', directory)))).toHaveLength(3);
  });

  test('restores the part that is asked for, by patterns relative to the directory', async () => {
    const { directory, target, snapshot } = await changedSince('part');
    await succeeded(restoreArguments({ snapshot, directory, target, include: ['/etc', '*.sql'] }));
    expect((await readdir(target, { recursive: true })).sort()).toEqual([
      'cache',
      'cache/new',
      'data',
      'data/a.sql',
      'etc',
      'etc/conf',
      'new',
    ]);
    await succeeded(restoreArguments({ snapshot, directory, target, exclude: ['etc/conf', '/other'] }));
    expect(await readdir(target)).toEqual(['cache', 'data', 'etc', 'new', 'plain']);
  });

  test('restores exactly: what the snapshot lacks is deleted, and what is excluded is spared', async () => {
    const { directory, target, snapshot } = await changedSince('exact');
    await succeeded(restoreArguments({ snapshot, directory, target, exclude: ['/cache'], exact: true }));
    expect((await readdir(target, { recursive: true })).sort()).toEqual([
      'cache',
      'cache/new',
      'data',
      'data/a.sql',
      'etc',
      'etc/conf',
      'other',
      'plain',
    ]);
    await writeFile(join(target, 'etc', 'more'), 'x');
    await succeeded(restoreArguments({ snapshot, directory, target, include: ['/etc'], exact: true }));
    expect(await readdir(join(target, 'etc'))).toEqual(['conf']);
    expect(await readdir(join(target, 'cache'))).toEqual(['new']);
    for (const file of ['spared', 'more', 'conf']) await writeFile(join(target, 'etc', file), 'x');
    const include = includeWithout(['/etc'], ['spared', '/other']);
    await succeeded(restoreArguments({ snapshot, directory, target, include: include ?? [], exact: true }));
    expect(await readdir(join(target, 'etc'))).toEqual(['conf', 'spared']);
    expect(await readFile(join(target, 'etc', 'conf'), 'utf8')).toBe('etc/conf');
    await succeeded(restoreArguments({ snapshot, directory, target, exact: true }));
    expect(await inventory(target)).toEqual(await inventory(directory));
  });

  test('counts incomplete snapshots for themselves: they displace no good one, and do not pile up', async () => {
    const directory = join(root, 'incomplete');
    await mkdir(directory);
    await writeFile(join(directory, 'file'), 'x');
    const subject = subjectOfDirectory('incomplete', directory);
    const marked: string[] = [];
    const good: string[] = [];
    for (let round = 0; round < 8; round++) {
      const { snapshot = '' } = await backUp('incomplete', directory);
      if (round < 3) {
        good.push(snapshot);
        continue;
      }
      const { stdout } = await succeeded(addTagArguments({ tags: [INCOMPLETE_TAG], snapshots: [snapshot] }));
      marked.push(parseTagged(stdout, snapshot));
    }
    const newest = await succeeded(snapshotsArguments({ tags: tagsOf(subject), host: 'host-0', latest: 1 }));
    expect(parseSnapshots(newest.stdout).map(({ id }) => id)).toEqual([good.at(-1), marked.at(-1)]);
    const tags = configurationTags(subject);
    await succeeded(forgetArguments({ tags, policy: { keepLast: 2 } }));
    expect((await snapshotsOf(tags)).map(({ id }) => id)).toEqual([...good.slice(-2), ...marked.slice(-2)]);
  });

  test('changes nothing where the snapshot that is to be tagged is gone, and does not say that it did', async () => {
    const { stdout } = await succeeded(addTagArguments({ tags: [INCOMPLETE_TAG], snapshots: ['00000000'] }));
    expect(() => parseTagged(stdout, '00000000')).toThrow(UnreadableOutputError);
  });

  test('keeps what has a tag that is to be kept, however old', async () => {
    const directory = join(root, 'tagged');
    await mkdir(directory);
    await writeFile(join(directory, 'file'), 'x');
    const made: string[] = [];
    for (let round = 0; round < 4; round++) made.push((await backUp('tagged', directory)).snapshot ?? '');
    const [first = '', second = ''] = made;
    for (const id of [first, second]) await succeeded(['tag', '--json', '--add=release', id]);
    const tags = configurationTags(subjectOfDirectory('tagged', directory));
    const policy = { keepLast: 1 };
    await succeeded(forgetArguments({ tags, policy: { ...policy, keepTags: ['release'] } }));
    // restic writes a tagged snapshot anew; the tagged ones are a group of their own.
    const times = (await snapshotsOf(tags)).map(({ tags: all }) => all.includes('release'));
    expect(times).toEqual([true, true, false]);
    await succeeded(forgetArguments({ tags, policy }));
    expect(await snapshotsOf(tags)).toHaveLength(2);
  });

  test('prints nothing to forget and no snapshots where no snapshot has the tags', async () => {
    const tags = targetTags({ namespace: 'no', kind: 'such', name: 'target' });
    expect(await snapshotsOf(tags)).toEqual([]);
    expect(parseForget((await succeeded(forgetArguments({ tags, policy: { keepLast: 1 } }))).stdout)).toEqual(
      [],
    );
  });

  test('names the repository', async () => {
    expect(parseConfig((await succeeded(catConfigArguments())).stdout)).toBe(repositoryID);
  });
});

describe('the real restic fails with a reason', () => {
  test.each<[string, string[], Place, string]>([
    ['a repository that is missing', catConfigArguments(), { subPath: 'missing' }, 'RepositoryNotFound'],
    ['a wrong password', catConfigArguments(), { secret: 'wrong' }, 'WrongPassword'],
    ['a password that is missing', catConfigArguments(), { secret: 'missing' }, 'RepositoryUnreachable'],
    ['a repository that is there already', initArguments(), {}, 'ResticFailed'],
    [
      'a snapshot that is missing',
      restoreArguments({ snapshot: '0123456789', directory: '/', target: '/nowhere' }),
      {},
      'ResticFailed',
    ],
    [
      'a directory that is missing',
      backupArguments({ host: 'host-0', tags: ['a=b'], directory: '/does/not/exist' }),
      {},
      'ResticFailed',
    ],
  ])('for %s', async (_, args, place, reason) => {
    const ended = await run(args, place);
    const failure = explainExit({ ...ended, secrets: [PASSWORD] });
    expect(failure?.reason).toBe(reason);
    expect(failure?.message).not.toMatch(/message_type|battery/);
    expect(failure?.message).toContain('restic said: ');
  });

  test('for a repository that is locked, until the backup that holds the lock is stopped', async () => {
    const directory = join(root, 'slow');
    await mkdir(directory);
    // A hole takes no space and much time to read.
    const hole = await open(join(directory, 'hole'), 'w');
    await hole.truncate(64 * 1024 ** 3);
    await hole.close();
    const tags = tagsOf(subjectOfDirectory('slow', directory));
    const args = backupArguments({ host: 'host-0', tags, directory });
    const backup = start(args);
    const ended = end(backup, args);
    await expect.poll(() => readdir(join(root, 'repository', 'locks')), { timeout: 20_000 }).toHaveLength(1);

    const policy = { keepLast: 1 };
    const locked = await run(forgetArguments({ tags, policy, retryLock: '0s' }));
    expect(explainExit(locked)).toMatchObject({ code: 11, reason: 'RepositoryLocked', retryable: true });

    backup.kill('SIGTERM');
    const stopped = await ended;
    // 130 by its manual, and mostly 1: never a success, and never a summary.
    expect([1, 130]).toContain(stopped.code);
    expect(lines(stopped.stdout).map((line) => parseBackupLine(line).type)).not.toContain('summary');
    await succeeded(forgetArguments({ tags, policy }));
  });

  test('for files that it cannot read, and has a snapshot of the others', async () => {
    // Files that may only be written, whoever asks: the kernel refuses to read drop_caches even to root.
    const directory = '/proc/sys/vm';
    const tags = tagsOf(subjectOfDirectory('unreadable', directory));
    const ended = await run(backupArguments({ host: 'host-0', tags, directory }));
    expect(explainExit(ended)).toMatchObject({ code: 3, reason: 'SomeFilesUnreadable' });
    expect(lines(ended.stderr).map(parseBackupLine)).toContainEqual({
      type: 'error',
      item: `${directory}/drop_caches`,
      message: expect.stringContaining('denied'),
    });
    expect(await snapshotsOf(tags)).toHaveLength(1);
  });
});
