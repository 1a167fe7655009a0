import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedName, canonicalJSON, labelValue, observedGeneration, sessionName } from './names.ts';

describe('boundedName', () => {
  it('leaves a short name as it is', () => {
    expect(boundedName('shop', 63)).toBe('shop');
  });

  it('keeps names within the bound, valid and apart', () => {
    const name = fc.stringMatching(/^[a-z0-9][-a-z0-9.]{0,250}[a-z0-9]$/);
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(labelValue(a).length).toBeLessThanOrEqual(63);
        expect(labelValue(a)).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
        if (a !== b) expect(labelValue(a)).not.toBe(labelValue(b));
      }),
    );
  });
});

describe('sessionName', () => {
  it('is the configuration and the due instant in unix seconds', () => {
    expect(sessionName('shop', Date.parse('2026-11-22T18:00:00Z'))).toBe('shop-1795370400');
  });

  it('fits into an object name however long the configuration is called', () => {
    expect(sessionName('x'.repeat(253), 1_795_370_400_000)).toHaveLength(253);
  });
});

describe('canonicalJSON', () => {
  it('does not depend on the order of keys', () => {
    expect(canonicalJSON({ b: [{ d: 1, c: 2 }], a: null })).toBe(
      canonicalJSON({ a: null, b: [{ c: 2, d: 1 }] }),
    );
  });
});

describe('observedGeneration', () => {
  it('is the hash of the spec and the generation', () => {
    const session = { metadata: { generation: 2 }, spec: { cancel: false } };
    expect(observedGeneration(session)).toMatch(/^[0-9a-f]{8}#2$/);
    expect(observedGeneration({ ...session, spec: { cancel: true } })).not.toBe(observedGeneration(session));
  });
});
