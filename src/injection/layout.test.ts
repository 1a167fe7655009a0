import fc from 'fast-check';
import { expect, it } from 'vitest';
import { claimVolume, isReservedVolume, secretVolume } from './layout.ts';

const subdomain = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,120}[a-z0-9])?$/);

it('the volume of any Secret or claim has a name that Kubernetes takes', () => {
  fc.assert(
    fc.property(subdomain, (name) => {
      for (const volume of [secretVolume(name), claimVolume(name)]) {
        expect(volume).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect(volume.length).toBeLessThanOrEqual(63);
        expect(isReservedVolume(volume)).toBe(true);
      }
    }),
  );
});

it.each([
  ['a.b', 'a-b'],
  ['a'.repeat(80), `${'a'.repeat(79)}b`],
  ['a.b', secretVolume('a.b').slice('stash-secret-'.length)],
])('the Secrets %s and %s have two volumes', (one, other) => {
  expect(secretVolume(one)).not.toBe(secretVolume(other));
});

it('a short name is kept as it is', () => {
  expect(secretVolume('storage')).toBe('stash-secret-storage');
});
