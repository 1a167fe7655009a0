import type { BackupConfigurationSpec } from '../api/backup-configuration.ts';
import { type Problem, quoted } from '../api/problem.ts';
import type { RestoreSessionSpec } from '../api/restore-session.ts';

/** restic refuses to start over a pattern that it cannot read, and every backup would fail. */
export function excludesParse({ target }: BackupConfigurationSpec): Problem[] {
  return patternsParse('spec.target.exclude', target?.exclude);
}

/** The same of a restore. */
export function partsParse({ include, exclude }: RestoreSessionSpec): Problem[] {
  return [...patternsParse('spec.include', include), ...patternsParse('spec.exclude', exclude)];
}

/** @see https://pkg.go.dev/path/filepath#Match - the grammar of one part of a pattern between its slashes */
function patternsParse(path: string, patterns: string[] = []): Problem[] {
  return patterns.flatMap((pattern, index) => {
    const fault = faultOf(pattern);
    if (fault === undefined) return [];
    return [{ path: `${path}[${index}]`, message: `${quoted(pattern)} is no pattern: ${fault}` }];
  });
}

function faultOf(pattern: string): string | undefined {
  return pattern
    .replace(/^!/, '')
    .split('/')
    .map(faultOfPart)
    .find((fault) => fault !== undefined);
}

/** What is left when every escaped character and every whole class is taken out must have no part of either. */
function faultOfPart(part: string): string | undefined {
  const rest = part.replace(/\\.|\[\^?(?:(?:\\.|[^\]\\-])(?:-(?:\\.|[^\]\\-]))?)+\]/gsu, '');
  if (rest.includes('[')) {
    return 'a "[" opens a class that is empty or not closed, or has a "-" at its end; write "[a-z]", or "\\[" for the character';
  }
  return rest.endsWith('\\')
    ? 'it ends with a "\\" that escapes nothing; write "\\\\" for the character'
    : undefined;
}
