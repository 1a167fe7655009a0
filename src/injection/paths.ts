import { TOKEN_PATH } from '../api/agent-pod.ts';
import { SCRATCH_PATH, SECRETS_PATH } from './layout.ts';

/**
 * `path` in its one form: from the root, without `//`, `.`, `..` or a slash at the end. A mountPath without a slash at its
 * beginning is one from the root, as the kubelet reads it.
 */
export function normalPath(path: string): string {
  if (NORMAL.test(path)) return path;
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

/** No more than is seen at a glance: a name that begins with a dot may be one like any other. */
const NORMAL = /^(?:\/[^/.][^/]*)+$/;

/** Whether `inner` is `outer` or lies below it; both are normal paths. */
export function contains(outer: string, inner: string): boolean {
  return (
    outer === '/' || inner === outer || (inner.startsWith(outer) && inner.charCodeAt(outer.length) === 47)
  );
}

export function overlap(a: string, b: string): boolean {
  return contains(a, b) || contains(b, a);
}

/** Says what is wrong with the path of a directory or of a repository's mount; undefined where nothing is. */
export function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is not a path from the root';
  if (path.split('/').includes('..')) return 'has a ".." in it';
  if (normalPath(path) === '/') return 'is the root of the file system';
  return undefined;
}

/** Directories of the agent's image; a mount at one of them, or above it, hides what the agent is made of. */
const IMAGE = [
  ...['/usr/bin', '/usr/sbin', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'],
  ...['/usr/local/bin', '/usr/local/lib', '/bin', '/sbin', '/lib64'],
  ...['/lib/x86_64-linux-gnu', '/lib/aarch64-linux-gnu'],
  ...['/etc/ssl/certs', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname', '/dev/termination-log'],
];

/**
 * Nothing may be mounted inside these either: runtimes refuse mounts in /proc and /sys, and the token's volume is read-only,
 * so a container with a mount point in it never starts. /var/run is a link to /run in most images.
 */
const CLOSED = ['/opt/stash', '/proc', '/sys', TOKEN_PATH, TOKEN_PATH.replace('/var/run', '/run')];

const ROOM_OF_AGENT = '/stash';
const CLOSED_TO_DATA = [...CLOSED, ROOM_OF_AGENT];
const CLOSED_TO_REPOSITORIES = [...CLOSED, SECRETS_PATH, SCRATCH_PATH];

/** The path of the agent's own that a data mount at `path` would cover. */
export function coveredByData(path: string): string | undefined {
  return covered(path, CLOSED_TO_DATA);
}

/** The path of the agent's own that a repository's mount at `path` would cover: it may stand at /stash/repositories. */
export function coveredByRepository(path: string): string | undefined {
  return contains(path, ROOM_OF_AGENT) ? ROOM_OF_AGENT : covered(path, CLOSED_TO_REPOSITORIES);
}

/** The path that the mount of a claim at `path` would cover in the pod of a task, where `taken` are too. */
export function coveredByClaim(path: string, taken: string[]): string | undefined {
  return covered(path, [...CLOSED, ...taken]);
}

function covered(path: string, closed: string[]): string | undefined {
  return closed.find((own) => overlap(path, own)) ?? IMAGE.find((own) => contains(path, own));
}
