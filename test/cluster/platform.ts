import { ClusterFailure } from './failure.ts';

/** This machine, in Go's words, which are those of the Kubernetes project's downloads too. */
export interface Platform {
  os: string;
  arch: string;
}

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

export function platform(os: string = process.platform, arch: string = process.arch): Platform {
  const known = architectures[arch];
  if (known === undefined) {
    throw new ClusterFailure(
      `the test cluster runs on x64 and arm64 machines; this one is ${arch}. \`--context NAME\` takes a cluster that you have.`,
    );
  }
  return { os, arch: known };
}
