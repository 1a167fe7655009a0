import { type Problem, quoted } from '../api/problem.ts';
import { contains, coveredByClaim, coveredByData, normalPath } from '../injection/paths.ts';
import { OUTPUT_DIR, SECRETS_DIR } from '../tasks/layout.ts';
import { CLAIM_MOUNT_PATH } from '../tasks/target.ts';

interface Aimed {
  target?: { ref: { kind: string }; directories?: string[]; mountPath?: string };
}

const CLAIM = 'PersistentVolumeClaim';
/** Where the pod of a task has volumes of its own, and the kubelet its devices. */
const TAKEN = [OUTPUT_DIR, SECRETS_DIR, '/stash/repositories', '/dev'];
/** The cluster's, which has none of all this. */
const NO_TARGET: NonNullable<Aimed['target']> = { ref: { kind: '' } };

/** Where directory `index` stands in a spec. */
const at = (index: number) => `spec.target.directories[${index}]`;

/** Two spellings of one directory would be two backups of it. */
export function directoriesDoNotRepeat({ target: { directories = [] } = NO_TARGET }: Aimed): Problem[] {
  const paths = directories.map(normalPath);
  return paths.flatMap((path, index) => {
    const first = paths.indexOf(path);
    if (first === index) return [];
    const message = `${quoted(directories[index])} is the directory that stands at ${at(first)} already; take one of them out`;
    return [{ path: at(index), message }];
  });
}

/** Mounting it into the agent would cover the agent, or what the kernel and the kubelet put there. */
export function directoriesAreData({ target = NO_TARGET }: Aimed): Problem[] {
  const { directories = [], ref } = target;
  if (ref.kind === CLAIM) return [];
  return directories.flatMap((directory, index) => {
    const covered = coveredByData(normalPath(directory));
    if (covered === undefined) return [];
    const message = `${quoted(directory)} meets ${covered}, which the agent has for itself; mount the data at another path in the workload`;
    return [{ path: at(index), message }];
  });
}

/** The same of the mount of a claim, which is in the pod of a task. */
export function claimMountIsFree({ target = NO_TARGET }: Aimed): Problem[] {
  const { mountPath } = target;
  const covered = mountPath === undefined ? undefined : coveredByClaim(normalPath(mountPath), TAKEN);
  if (covered === undefined) return [];
  const message = `${quoted(mountPath)} meets ${covered}, which the pod of a task has for itself; choose another path such as ${CLAIM_MOUNT_PATH}`;
  return [{ path: 'spec.target.mountPath', message }];
}

/** What lies elsewhere is the image's, and not the claim's. */
export function directoriesAreInClaim({ target = NO_TARGET }: Aimed): Problem[] {
  const { directories = [], mountPath = CLAIM_MOUNT_PATH, ref } = target;
  if (ref.kind !== CLAIM) return [];
  return directories.flatMap((directory, index) => {
    if (contains(normalPath(mountPath), normalPath(directory))) return [];
    const message = `${quoted(directory)} is not in the claim, which is mounted at ${mountPath}; write a path in it, or another mountPath`;
    return [{ path: at(index), message }];
  });
}

/** A directory in another is read, and paid for, twice. */
export function directoriesAreApart({ target: { directories = [] } = NO_TARGET }: Aimed): Problem[] {
  const paths = directories.map(normalPath);
  return paths.flatMap((inner, index) => {
    const outer = paths.findIndex((path) => path !== inner && contains(path, inner));
    if (outer === -1) return [];
    const message = `${quoted(directories[index])} lies in ${quoted(directories[outer])}, which is handled as a whole; take one of them out`;
    return [{ path: at(index), message }];
  });
}
