export type Layer = 'unit' | 'apiserver' | 'e2e';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export function passed(holds: boolean): Counts {
  return { passed: holds ? 1 : 0, failed: holds ? 0 : 1, skipped: 0 };
}

export function sum(all: readonly Counts[]): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  return total;
}

/** The last line of a test run, which machines read: `12 passed, 0 failed`, `, 3 skipped` where there are. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * What a layer counted, from vitest's JSON.
 *
 * Whatever went wrong outside of a test (a file that could not be loaded, a cluster that did not start, an
 * error that no test caught) fails no test, and so counts as one failure of its own.
 *
 * @param json - undefined where there is none
 * @param status - the exit status of what ran
 */
export function parseResult(json: string | undefined, status: number): Counts {
  if (json === undefined) return passed(false);
  const result = JSON.parse(json) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
    testResults: { status: string; assertionResults: unknown[] }[];
  };
  const unloaded = result.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  const failed = result.numFailedTests + unloaded;
  return {
    passed: result.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/** Words that name layers choose them; from the first other word on, everything is vitest's. */
export function parseArguments(
  args: readonly string[],
  all: readonly Layer[],
): { chosen: Layer[]; vitest: string[] } {
  const chosen: Layer[] = [];
  let i = 0;
  for (; i < args.length; i++) {
    const layer = all.find((name) => name === args[i]);
    if (layer === undefined) break;
    chosen.push(layer);
  }
  if (args[i] === '--') i += 1;
  return { chosen: chosen.length > 0 ? chosen : [...all], vitest: args.slice(i) };
}
