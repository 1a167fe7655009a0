import type { InjectionOptions } from './wanted.ts';

/** The options of an installation: the operator's and those of the command line are the same, or the one would undo the other. */
export function injectionOptions({
  image,
  nativeSidecar,
}: Pick<InjectionOptions, 'image' | 'nativeSidecar'>): InjectionOptions {
  return {
    image,
    imagePullSecrets: [],
    nativeSidecar,
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
  };
}
