import { describe, expect, it } from 'vitest';
import { parseQuantity } from '../api/quantity.ts';
import { OPTIONS, sidecarIn } from './fixtures.ts';
import type { Raw } from './raw.ts';

describe('a quantity', () => {
  it.each([
    ['500m', 0.5],
    ['300m', 0.3],
    ['1100m', 1.1],
    ['1', 1],
    [2, 2],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['128M', 128e6],
    ['1e3', 1000],
    ['1E', 1e18],
    ['+.5k', 500],
    ['100u', 0.0001],
  ])('%s is %d', (text, number) => {
    expect(parseQuantity(text)).toBe(number);
  });

  it.each(['', 'x', '1 Gi', '1KiB', '1constructor', null, {}])('%s is none', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });

  it('is the same when it is read again, with many others in between', () => {
    const read = () => ['1Gi', '1KiB'].map(parseQuantity);
    const first = read();
    for (let i = 0; i < 3000; i += 1) parseQuantity(`${i}m`);
    expect(read()).toEqual(first);
  });
});

describe('the resources of the sidecar', () => {
  const requests = { cpu: '10m', memory: '64Mi' };
  const limits = { memory: '256Mi' };
  const fixed = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } };
  const both = { cpu: '10m', memory: '256Mi' };
  const mounts = [{ name: 'data', mountPath: '/data' }];

  function resourcesIn(containers: (Raw | undefined)[], more: Raw = {}): unknown {
    const spec = containers.map((resources, index) => ({
      name: `c${index}`,
      resources,
      volumeMounts: mounts,
    }));
    const options = { ...OPTIONS, resources: { requests, limits } };
    return sidecarIn({ containers: spec, ...more }, undefined, options).resources;
  }

  it('are equal where those of all containers are, however they are written', () => {
    expect(resourcesIn([fixed, { limits: fixed.limits }])).toEqual({ requests: both, limits: both });
  });

  it.each<[string, Raw[], Raw]>([
    ['one has a limit only for memory', [{ limits: { memory: '1Gi' } }], {}],
    ['one asks for less than its limit', [{ ...fixed, requests: { cpu: '1', memory: '1Mi' } }], {}],
    ['a limit is zero', [{ limits: { cpu: '0', memory: '1Gi' } }], {}],
    ['an init container has none', [fixed], { initContainers: [{ name: 'init' }] }],
  ])('have the limits of the installation where %s, as a quota may ask for them', (_, containers, more) => {
    expect(resourcesIn(containers, more)).toEqual({ requests, limits });
  });

  it.each<[string, (Raw | undefined)[]]>([
    ['none of them has any', [undefined]],
    ['one container has none', [fixed, {}]],
    ['they limit another resource', [{ limits: { cpu: '1' } }]],
  ])('have no limits where %s', (_, containers) => {
    expect(resourcesIn(containers)).toEqual({ requests });
  });

  it('have no limits where the installation has none', () => {
    expect(sidecarIn({}).resources).toEqual({ requests: OPTIONS.resources.requests });
  });

  it('are left out where the pod has a budget that they could exceed', () => {
    expect(resourcesIn([fixed], { resources: { requests: { cpu: '2' } } })).toBeUndefined();
  });
});
