import { describe, expect, test } from 'vitest';
import { closingLine, type Layer, parseArguments, parseResult, sum } from './counts.ts';

const result = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };

describe('what a layer counted', () => {
  test('is what vitest says', () => {
    expect(parseResult(JSON.stringify(result), 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
  });

  test('has a failure where a file could not be loaded', () => {
    const testResults = [{ status: 'failed', assertionResults: [] }];
    expect(parseResult(JSON.stringify({ ...result, testResults }), 1).failed).toBe(1);
  });

  test('has a failure where something failed outside of every test', () => {
    expect(parseResult(JSON.stringify(result), 1).failed).toBe(1);
  });

  test('is one failure where there is no result at all', () => {
    expect(parseResult(undefined, 125)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(parseResult(undefined, 0).failed).toBe(1);
  });
});

test('the closing line sums the layers', () => {
  const counts = [
    { passed: 2, failed: 0, skipped: 0 },
    { passed: 1, failed: 1, skipped: 0 },
  ];
  expect(closingLine(sum(counts))).toBe('3 passed, 1 failed');
  expect(closingLine(sum([...counts, { passed: 0, failed: 0, skipped: 4 }]))).toBe(
    '3 passed, 1 failed, 4 skipped',
  );
  expect(closingLine(sum([]))).toBe('0 passed, 0 failed');
});

describe('the arguments of npm test', () => {
  const all: Layer[] = ['unit', 'apiserver', 'e2e'];
  test.each([
    { args: [], chosen: all, vitest: [] },
    { args: ['e2e'], chosen: ['e2e'], vitest: [] },
    { args: ['unit', 'e2e', '--', 'src/api'], chosen: ['unit', 'e2e'], vitest: ['src/api'] },
    { args: ['e2e', '-t', 'unit'], chosen: ['e2e'], vitest: ['-t', 'unit'] },
    { args: ['-t', 'restores'], chosen: all, vitest: ['-t', 'restores'] },
  ])('$args', ({ args, chosen, vitest }) => {
    expect(parseArguments(args, all)).toEqual({ chosen, vitest });
  });
});
