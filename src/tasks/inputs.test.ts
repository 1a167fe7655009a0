import { describe, expect, it } from 'vitest';
import type { InputSchema } from '../api/function.ts';
import { faultsOfInput } from './inputs.ts';

describe('faultsOfInput', () => {
  const right: [string, InputSchema][] = [
    ['anything', {}],
    ['4', { type: 'integer' }],
    ['-4', { type: 'integer', minimum: -4 }],
    ['4.5', { type: 'number', maximum: 4.5 }],
    ['1e3', { type: 'number' }],
    ['true', { type: 'boolean' }],
    ['4', { type: 'string' }],
    ['4', { type: 'integer', enum: ['4', '5'] }],
    ['my-table', { pattern: '^[a-z-]+$' }],
    ['', { maxLength: 3 }],
  ];
  it.each(right)('takes %j for %j', (text, schema) => {
    expect(faultsOfInput(text, schema)).toEqual([]);
  });

  const wrong: [string, InputSchema, string][] = [
    ['four', { type: 'integer' }, '"four" is no integer'],
    ['4.5', { type: 'integer' }, '"4.5" is no integer'],
    ['0x10', { type: 'number' }, '"0x10" is no number'],
    [' 4', { type: 'integer' }, '" 4" is no integer'],
    ['yes', { type: 'boolean' }, '"yes" is no boolean'],
    ['9', { type: 'integer', maximum: 8 }, '"9" is more than 8'],
    ['0', { type: 'integer', minimum: 1 }, '"0" is less than 1'],
    ['c', { enum: ['a', 'b'] }, '"c" is not possible; choose a or b'],
    ['My Table', { pattern: '^[a-z-]+$' }, '"My Table" does not match ^[a-z-]+$'],
    ['abcd', { maxLength: 3 }, '"abcd" has more than 3 characters'],
    ['a', { minLength: 2 }, '"a" has less than 2 characters'],
  ];
  it.each(wrong)('refuses %j for %j', (text, schema, fault) => {
    expect(faultsOfInput(text, schema)).toEqual([fault]);
  });

  it('asks each pattern by itself', () => {
    expect(faultsOfInput('a', { pattern: '^a$' })).toEqual([]);
    expect(faultsOfInput('a', { pattern: '^b$' })).toHaveLength(1);
  });
});
