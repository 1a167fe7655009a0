import { expect, it } from 'vitest';
import { remembered } from './remembered.ts';

it('asks once for each object, and anew for another that is alike', () => {
  const asked: object[] = [];
  const lengthOf = remembered((list: string[]) => {
    asked.push(list);
    return { length: list.length };
  });
  const [one, alike] = [['a'], ['a']];
  expect(lengthOf(one)).toBe(lengthOf(one));
  expect(lengthOf(alike)).toEqual({ length: 1 });
  expect(asked).toEqual([one, alike]);
});
