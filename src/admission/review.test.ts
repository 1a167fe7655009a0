import { describe, expect, it } from 'vitest';
import { requestFor, reviewOf } from './review.fixture.ts';
import { InvalidReviewError, parseReview } from './review.ts';

const review = (spoil: (review: Record<string, unknown>, request: Record<string, unknown>) => void) => {
  const whole = reviewOf(requestFor());
  const request = { ...(whole.request as object) };
  whole.request = request;
  spoil(whole, request);
  return whole;
};

describe('parseReview', () => {
  it('takes the request out of the review that the API server sends', () => {
    expect(parseReview(reviewOf(requestFor()))).toEqual(requestFor());
  });

  it('reads what a Go nil leaves out as empty', () => {
    const bare = review((_, request) => {
      for (const field of ['name', 'namespace', 'subResource', 'oldObject', 'userInfo'])
        delete request[field];
    });
    expect(parseReview(bare)).toMatchObject({
      name: '',
      namespace: '',
      subResource: '',
      oldObject: undefined,
      userInfo: { username: '', extra: {} },
    });
  });

  const cases: [string, unknown, string][] = [
    ['no object', 'hello', 'the body is no AdmissionReview: it is no JSON object'],
    ['nothing', undefined, 'the body is no AdmissionReview: it is no JSON object'],
    ['a list', [], 'the body is no AdmissionReview: it is no JSON object'],
    [
      'another kind',
      { apiVersion: 'v1', kind: 'Pod' },
      'the body is v1 Pod, and not admission.k8s.io/v1 AdmissionReview',
    ],
    [
      'another version',
      review((whole) => Object.assign(whole, { apiVersion: 'admission.k8s.io/v1beta1' })),
      'the body is admission.k8s.io/v1beta1 AdmissionReview, and not',
    ],
    ['no request', review((whole) => delete whole.request), 'request is missing, and no object'],
    [
      'a request that is text',
      review((whole) => Object.assign(whole, { request: 'x' })),
      'request is a string, and no object',
    ],
    ['no uid', review((_, request) => delete request.uid), 'request.uid is missing, and no text'],
    [
      'an empty uid',
      review((_, request) => Object.assign(request, { uid: '' })),
      'request.uid is empty, and no text',
    ],
    [
      'a uid that is a number',
      review((_, request) => Object.assign(request, { uid: 7 })),
      'request.uid is a number, and no text',
    ],
    [
      'an unknown operation',
      review((_, request) => Object.assign(request, { operation: 'PATCH' })),
      'request.operation is "PATCH", and none of CREATE, UPDATE, DELETE, CONNECT',
    ],
    ['no kind', review((_, request) => delete request.kind), 'request.kind is missing, and no object'],
    [
      'a kind without its name',
      review((_, request) => Object.assign(request, { kind: { version: 'v1' } })),
      'request.kind.kind is missing',
    ],
    [
      'a list as the object',
      review((_, request) => Object.assign(request, { object: [] })),
      'request.object is a list, and no object',
    ],
    [
      'a name that is a number',
      review((_, request) => Object.assign(request, { name: 1 })),
      'request.name is a number, and no text',
    ],
    [
      'a user that is text',
      review((_, request) => Object.assign(request, { userInfo: 'root' })),
      'request.userInfo is a string, and no object',
    ],
  ];

  it.each(cases)('refuses %s, and says what is wrong', (_, body, message) => {
    expect(() => parseReview(body)).toThrow(InvalidReviewError);
    expect(() => parseReview(body)).toThrow(message);
  });
});
