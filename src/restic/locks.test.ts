import { describe, expect, test } from 'vitest';
import { UnreadableOutputError } from './json.ts';
import { parseLock, parseLockIds } from './locks.ts';

describe('locks', () => {
  test('are listed by id, each on a line', () => {
    const id = 'dcd02681600dfb61b8d40291991eaa19583344672db5fcee5c9df1da298fd2aa';
    expect(parseLockIds(`${id}\nrepository is open\n${id}\n`)).toEqual([id, id]);
    expect(parseLockIds('')).toEqual([]);
  });

  test('tell when they were written, and by whom', () => {
    const printed = `{
  "time": "2026-12-01T07:04:58.865442431+01:00",
  "exclusive": false,
  "hostname": "web-0",
  "username": "root",
  "pid": 14815
}`;
    expect(parseLock(printed)).toEqual({ time: Date.parse('2026-12-01T06:04:58.865Z'), hostname: 'web-0' });
  });

  test.each(['', '[]', '{"time": "soon", "hostname": "a"}', '{"time": "2026-12-01T06:04:58Z"}'])(
    '%j is none',
    (printed) => {
      expect(() => parseLock(printed)).toThrow(UnreadableOutputError);
    },
  );
});
