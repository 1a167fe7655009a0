import { ClusterFailure } from './failure.ts';

/** What the answer to "can a cluster be started here?" depends on. */
export interface Machine {
  platform: string;
  uid: number;
}

export function thisMachine(): Machine {
  return { platform: process.platform, uid: process.getuid?.() ?? -1 };
}

/** @throws {ClusterFailure} one message that says all that is needed, and what else there is */
export function requireClusterMachine(machine: Machine): void {
  const lacks: string[] = [];
  if (machine.platform !== 'linux') lacks.push(`Linux (this is ${machine.platform})`);
  else if (machine.uid !== 0) lacks.push(`root (this is user ${machine.uid}; try sudo)`);
  if (lacks.length === 0) return;
  throw new ClusterFailure(
    `The test cluster needs ${lacks.join(' and ')}: it is a real Kubernetes in namespaces of its own. ` +
      'With --context NAME a cluster that you have is used instead; it is never touched unasked.',
  );
}
