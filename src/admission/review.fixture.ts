import type { AdmissionRequest } from './review.ts';

/** A Deployment as the API server sends it. */
export const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', namespace: 'demo', labels: { app: 'shop' } },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'shop' } },
    template: {
      metadata: { labels: { app: 'shop' } },
      spec: {
        containers: [
          { name: 'app', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/source/data' }] },
        ],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    },
  },
};

/** A request to create {@link deployment}, with what a test says otherwise. */
export function requestFor(difference: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    operation: 'CREATE',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    subResource: '',
    name: 'shop',
    namespace: 'demo',
    userInfo: { username: 'alice', extra: {} },
    object: deployment,
    oldObject: undefined,
    ...difference,
  };
}

/** The AdmissionReview that carries `request`, as it is sent. */
export function reviewOf(request: AdmissionRequest): Record<string, unknown> {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { ...request, oldObject: request.oldObject ?? null, dryRun: false, options: null },
  };
}
