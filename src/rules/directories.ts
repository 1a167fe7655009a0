import { type Problem, quoted } from '../api/problem.ts';
import { contains, coveredByData, normalPath } from '../injection/paths.ts';

interface WithDirectories {
  target: { directories: string[] };
}

/** Where directory `index` stands in a spec. */
const at = (index: number) => `spec.target.directories[${index}]`;

/** Two spellings of one directory would be two backups of it. */
export function directoriesDoNotRepeat({ target: { directories } }: WithDirectories): Problem[] {
  const paths = directories.map(normalPath);
  return paths.flatMap((path, index) => {
    const first = paths.indexOf(path);
    if (first === index) return [];
    const message = `${quoted(directories[index])} is the directory that stands at ${at(first)} already; take one of them out`;
    return [{ path: at(index), message }];
  });
}

/** Mounting it into the agent would cover the agent, or what the kernel and the kubelet put there. */
export function directoriesAreData({ target: { directories } }: WithDirectories): Problem[] {
  return directories.flatMap((directory, index) => {
    const covered = coveredByData(normalPath(directory));
    if (covered === undefined) return [];
    const message = `${quoted(directory)} meets ${covered}, which the agent has for itself; mount the data at another path in the workload`;
    return [{ path: at(index), message }];
  });
}

/** A directory in another is read, and paid for, twice. */
export function directoriesAreApart({ target: { directories } }: WithDirectories): Problem[] {
  const paths = directories.map(normalPath);
  return paths.flatMap((inner, index) => {
    const outer = paths.findIndex((path) => path !== inner && contains(path, inner));
    if (outer === -1) return [];
    const message = `${quoted(directories[index])} lies in ${quoted(directories[outer])}, which is handled as a whole; take one of them out`;
    return [{ path: at(index), message }];
  });
}
