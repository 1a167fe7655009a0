/** What is wrong with an object, in words for the one who wrote it. */
export interface Problem {
  /** Where, as a path of the object: `spec.target.directories[0]`. */
  path: string;
  /** What was found and what to do, as one sentence. */
  message: string;
}

/** `problems` on a line each, as an error shows them. */
export function describeProblems(problems: Problem[]): string {
  return problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('\n');
}

/** A value as a message quotes it: JSON, not longer than a line. What stands before the host of a URL may be a password. */
export function quoted(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'nothing').replace(/(:\/\/)[^/\s"]*@/g, '$1…@');
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
