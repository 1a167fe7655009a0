import { describe, expect, test } from 'vitest';
import { parseOptions } from './options.ts';

const defaults = {
  stash: true,
  controlPlane: false,
  storage: false,
  postgres: false,
  pushgateway: false,
  help: false,
  command: [],
};

describe('the options of the cluster', () => {
  test.each([
    { args: [], expected: {} },
    { args: ['kubectl', 'get', 'pods'], expected: { command: ['kubectl', 'get', 'pods'] } },
    { args: ['--bare', 'true'], expected: { stash: false, command: ['true'] } },
    { args: ['--control-plane', 'true'], expected: { stash: false, controlPlane: true, command: ['true'] } },
    { args: ['--context', 'kind', '--bare'], expected: { stash: false, context: 'kind' } },
    { args: ['--keep-logs', 'logs', 'true'], expected: { keepLogs: 'logs', command: ['true'] } },
    { args: ['--help'], expected: { help: true } },
    // From the first word on, everything is COMMAND's, whatever it looks like.
    { args: ['ls', '--bare', '--', '-l'], expected: { command: ['ls', '--bare', '--', '-l'] } },
    { args: ['--', '--bare'], expected: { command: ['--bare'] } },
    { args: ['--bare', '--', 'ls', '--'], expected: { stash: false, command: ['ls', '--'] } },
  ])('$args', ({ args, expected }) => {
    expect(parseOptions(args)).toEqual({ ...defaults, ...expected });
  });

  test.each([
    { args: ['--bear'], message: 'unknown option --bear' },
    { args: ['--context'], message: '--context needs a value' },
    { args: ['--context', '--bare'], message: '--context needs a value' },
    { args: ['--control-plane', '--context', 'kind'], message: 'one of the two' },
  ])('$args is refused: $message', ({ args, message }) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});
