import { describe, expect, it } from 'vitest';
import { ALLOWED, answer, type Verdict } from './verdict.ts';

const responseTo = (verdict: Verdict) => JSON.parse(answer('u1', verdict));
const envelope = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };

describe('answer', () => {
  it('says no more than that the request may pass, where nothing else is to be said', () => {
    expect(responseTo(ALLOWED)).toEqual({ ...envelope, response: { uid: 'u1', allowed: true } });
    expect(responseTo({ allowed: true, warnings: [], patch: [] })).toEqual(responseTo(ALLOWED));
  });

  it('carries a patch as base64 of its JSON', () => {
    const patch = [{ op: 'replace', path: '/spec/template', value: { ä: 1 } }] as const;
    const { response } = responseTo({ allowed: true, patch: [...patch] });
    expect(response.patchType).toBe('JSONPatch');
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toEqual(patch);
  });

  it('carries warnings, shortened to what the API server passes on', () => {
    const { response } = responseTo({ allowed: true, warnings: ['short', 'x'.repeat(1000)] });
    expect(response.warnings).toEqual(['short', `${'x'.repeat(255)}…`]);
  });

  it('carries the status of a refusal, and no patch', () => {
    const status = { code: 403, reason: 'Forbidden', message: 'no' } as const;
    expect(responseTo({ allowed: false, status }).response).toEqual({ uid: 'u1', allowed: false, status });
  });

  it('quotes a uid that is not one', () => {
    expect(JSON.parse(answer('"}', ALLOWED)).response.uid).toBe('"}');
  });
});
