import { describe, expect, test } from 'vitest';
import {
  addTagArguments,
  backupArguments,
  catConfigArguments,
  catLockArguments,
  checkArguments,
  dumpArguments,
  forgetArguments,
  initArguments,
  listDirectoryArguments,
  listLocksArguments,
  restoreArguments,
  snapshotsArguments,
  statsArguments,
  streamBackupArguments,
  unlockArguments,
} from './arguments.ts';

describe('the arguments of restic', () => {
  test('backup', () => {
    expect(
      backupArguments({
        host: 'host-0',
        tags: ['configuration=web', 'directory=/data'],
        directory: '/data',
        exclude: ['*.tmp', '/data/cache'],
      }),
    ).toEqual([
      'backup',
      '--json',
      '--retry-lock=5m',
      '--host=host-0',
      '--tag=configuration=web',
      '--tag=directory=/data',
      '--exclude=*.tmp',
      '--exclude=/data/cache',
      '--',
      '/data',
    ]);
  });

  test.each([
    ['init', initArguments(), ['init', '--json', '--retry-lock=5m']],
    ['cat config', catConfigArguments({ retryLock: '30s' }), ['cat', '--json', '--retry-lock=30s', 'config']],
    ['list locks', listLocksArguments(), ['list', '--json', '--retry-lock=5m', '--no-lock', '--', 'locks']],
    [
      'cat lock',
      catLockArguments({ id: 'abc', retryLock: '0s' }),
      ['cat', '--json', '--retry-lock=0s', '--no-lock', '--', 'lock', 'abc'],
    ],
    ['unlock', unlockArguments(), ['unlock', '--json', '--retry-lock=5m']],
    [
      'snapshots',
      snapshotsArguments({ tags: ['a=b', 'c=d'] }),
      ['snapshots', '--json', '--retry-lock=5m', '--tag=a=b,c=d'],
    ],
    [
      'snapshots of a host',
      snapshotsArguments({ tags: ['a=b'], host: 'host-0', latest: 1 }),
      [
        'snapshots',
        '--json',
        '--retry-lock=5m',
        '--tag=a=b',
        '--host=host-0',
        '--group-by=host,paths,tags',
        '--latest=1',
      ],
    ],
    [
      'tag',
      addTagArguments({ tags: ['incomplete'], snapshots: ['40dc1520', 'bdbd3439'] }),
      ['tag', '--json', '--retry-lock=5m', '--add=incomplete', '--', '40dc1520', 'bdbd3439'],
    ],
    [
      'backup of what a program writes',
      streamBackupArguments({
        host: 'host-0',
        tags: ['configuration=web', 'directory=/shop.sql'],
        path: '/shop.sql',
        command: ['pg_dump', '--create'],
        retryLock: '30s',
      }),
      [
        'backup',
        '--json',
        '--retry-lock=30s',
        '--host=host-0',
        '--tag=configuration=web',
        '--tag=directory=/shop.sql',
        '--stdin-from-command',
        '--stdin-filename=/shop.sql',
        '--',
        'pg_dump',
        '--create',
      ],
    ],
    [
      'dump',
      dumpArguments({ snapshot: '40dc1520', path: '/--shop.sql' }),
      ['dump', '--json', '--retry-lock=5m', '--', '40dc1520', '/--shop.sql'],
    ],
    ['check', checkArguments({}), ['check', '--json', '--retry-lock=5m']],
    [
      'check of a repository that cannot be written to',
      checkArguments({ noLock: true, readDataSubset: '5%' }),
      ['check', '--json', '--retry-lock=5m', '--no-lock', '--read-data-subset=5%'],
    ],
    ['stats', statsArguments({}), ['stats', '--json', '--retry-lock=5m', '--mode=raw-data']],
    [
      'restore',
      restoreArguments({ snapshot: '40dc1520', directory: '/source/data', target: '/target' }),
      ['restore', '--json', '--retry-lock=5m', '--target=/target', '--sparse', '--', '40dc1520:/source/data'],
    ],
    [
      'ls of the node of a directory',
      listDirectoryArguments({ snapshot: '40dc1520', directory: '/source/data/' }),
      ['ls', '--json', '--retry-lock=5m', '--', '40dc1520:/source', '/'],
    ],
    [
      'ls of a directory in the root',
      listDirectoryArguments({ snapshot: '40dc1520', directory: '/data' }),
      ['ls', '--json', '--retry-lock=5m', '--', '40dc1520:/', '/'],
    ],
    [
      'ls of all that is below',
      listDirectoryArguments({ snapshot: '40dc1520', directory: '/data', recursive: true }),
      ['ls', '--json', '--retry-lock=5m', '--recursive', '--', '40dc1520:/', '/'],
    ],
    [
      'restore of a part, exactly',
      restoreArguments({
        snapshot: '40dc1520',
        directory: '/data',
        target: '/data',
        exclude: ['*.tmp', '/cache'],
        exact: true,
      }),
      [
        'restore',
        '--json',
        '--retry-lock=5m',
        '--target=/data',
        '--sparse',
        '--exclude=*.tmp',
        '--exclude=/cache',
        '--delete',
        '--',
        '40dc1520:/data',
      ],
    ],
    [
      'restore of what is included',
      restoreArguments({ snapshot: '40dc1520', directory: '/data', target: '/data', include: ['--repo=/x'] }),
      [
        'restore',
        '--json',
        '--retry-lock=5m',
        '--target=/data',
        '--sparse',
        '--include=--repo=/x',
        '--',
        '40dc1520:/data',
      ],
    ],
    [
      'forget',
      forgetArguments({ tags: ['a=b', 'c=d'], policy: { keepLast: 5, prune: true } }),
      [
        'forget',
        '--json',
        '--retry-lock=5m',
        '--tag=a=b,c=d',
        '--group-by=host,tags',
        '--keep-last=5',
        '--prune',
      ],
    ],
    [
      'forget with every rule',
      forgetArguments({
        tags: ['a=b'],
        policy: {
          keepLast: 1,
          keepHourly: 2,
          keepDaily: 3,
          keepWeekly: 4,
          keepMonthly: 5,
          keepYearly: 6,
          keepTags: ['release', 'audit'],
          prune: false,
          dryRun: true,
        },
      }),
      [
        'forget',
        '--json',
        '--retry-lock=5m',
        '--tag=a=b',
        '--group-by=host,tags',
        '--keep-last=1',
        '--keep-hourly=2',
        '--keep-daily=3',
        '--keep-weekly=4',
        '--keep-monthly=5',
        '--keep-yearly=6',
        '--keep-tag=release',
        '--keep-tag=audit',
        '--dry-run',
      ],
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });

  test('what a user wrote never becomes an option', () => {
    const found = [
      ...backupArguments({
        host: '--host',
        tags: ['--tag'],
        directory: '--password-command=x',
        exclude: ['--repo=/x'],
      }),
    ];
    const operands = found.slice(found.indexOf('--') + 1);
    expect(operands).toEqual(['--password-command=x']);
    const options = found.slice(1, found.indexOf('--'));
    expect(options.map((option) => option.split('=')[0])).toEqual([
      '--json',
      '--retry-lock',
      '--host',
      '--tag',
      '--exclude',
    ]);
  });
});
