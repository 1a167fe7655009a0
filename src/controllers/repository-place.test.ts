import { describe, expect, it } from 'vitest';
import { aRepository } from './objects.fixture.ts';
import { placeOf } from './repository-place.ts';

const s3 = (name: string, namespace: string, storageSecretName = 'secret') => ({
  ...aRepository({ metadata: { name, namespace } }),
  spec: { backend: { s3: { bucket: 'b', prefix: 'p' }, storageSecretName } },
});

describe('placeOf', () => {
  it('is one for two Repositories of one claim, and another in another namespace', () => {
    const one = placeOf(aRepository());
    expect(placeOf(aRepository({ metadata: { name: 'other', uid: 'other' } }))).toBe(one);
    expect(placeOf(aRepository({ metadata: { namespace: 'other' } }))).not.toBe(one);
  });

  it('is one for two Repositories of one bucket, whoever has them and by whatever Secret', () => {
    expect(placeOf(s3('a', 'x') as never)).toBe(placeOf(s3('b', 'y', 'other') as never));
  });
});
