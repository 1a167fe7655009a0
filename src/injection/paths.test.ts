import { describe, expect, it } from 'vitest';
import { coveredByData, coveredByRepository, normalPath, pathFault } from './paths.ts';

describe('a path', () => {
  it.each([
    ['/data', '/data'],
    ['/data/', '/data'],
    ['//data///x/.', '/data/x'],
    ['/data/../x', '/x'],
    ['data', '/data'],
    ['/', '/'],
    ['/..', '/'],
  ])('%s has the one form %s', (path, normal) => {
    expect(normalPath(path)).toBe(normal);
  });

  it.each([
    ['data', 'is not a path from the root'],
    ['', 'is not a path from the root'],
    ['/', 'is the root of the file system'],
    ['//.', 'is the root of the file system'],
    ['/data/..', 'has a ".." in it'],
    ['/data/..x', undefined],
    ['/data/', undefined],
  ])('%s names a directory, or it is said why not', (path, fault) => {
    expect(pathFault(path)).toBe(fault);
  });
});

describe('what the agent needs', () => {
  it.each([
    ['/', '/opt/stash'],
    ['/usr', '/usr/bin'],
    ['/usr/bin', '/usr/bin'],
    ['/lib', '/lib/x86_64-linux-gnu'],
    ['/etc', '/etc/ssl/certs'],
    ['/opt', '/opt/stash'],
    ['/opt/stash/x', '/opt/stash'],
    ['/stash', '/stash'],
    ['/stash/x', '/stash'],
    ['/proc/x', '/proc'],
    ['/dev', '/dev/termination-log'],
    ['/var', '/var/run/secrets/kubernetes.io/serviceaccount'],
    ['/var/run', '/var/run/secrets/kubernetes.io/serviceaccount'],
    ['/run', '/run/secrets/kubernetes.io/serviceaccount'],
    ['/var/run/secrets/kubernetes.io/serviceaccount/x', '/var/run/secrets/kubernetes.io/serviceaccount'],
  ])('a mount of data at %s covers %s', (path, covered) => {
    expect(coveredByData(path)).toBe(covered);
  });

  it.each([
    '/usr/share/nginx/html',
    '/etc/nginx',
    '/var/lib/mysql',
    '/opt/app',
    '/stashed',
    '/dev/shm',
    '/srv',
  ])('a mount of data at %s covers nothing', (path) => {
    expect(coveredByData(path)).toBeUndefined();
  });

  it.each([
    ['/stash/repositories/a', undefined],
    ['/mnt/backups', undefined],
    ['/stash', '/stash'],
    ['/stash/secrets', '/stash/secrets'],
    ['/stash/scratch/x', '/stash/scratch'],
    ['/usr', '/usr/bin'],
  ])('a repository at %s covers %s', (path, covered) => {
    expect(coveredByRepository(path)).toBe(covered);
  });
});
