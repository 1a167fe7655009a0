import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { RESTORE, SIDECAR } from '../injection/layout.ts';
import { writeRecord } from '../injection/record.ts';
import type { Pod } from './agent-pods.ts';

/* Pods for tests, each as the API server would have it. */

interface PodOptions {
  /** The BackupConfigurations and RestoreSessions that its agents serve. */
  backups?: string[];
  restores?: string[];
  /** How the init container is that restores; it runs where nothing is said. */
  restore?: 'waiting' | 'running' | 'terminated';
  node?: string;
  isGoing?: boolean;
  phase?: string;
}

export function aPod(name: string, options: PodOptions = {}): Pod {
  const {
    backups = [],
    restores = [],
    restore = 'running',
    node,
    isGoing = false,
    phase = 'Running',
  } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'demo',
      uid: `uid of ${name}`,
      annotations: injectedAnnotations(backups, restores),
      ...(isGoing && { deletionTimestamp: '2026-11-22T17:30:00Z' }),
    },
    spec: { ...(node !== undefined && { nodeName: node }) },
    status: {
      phase,
      ...(backups.length > 0 && { containerStatuses: [{ name: SIDECAR, state: { running: {} } }] }),
      ...(restores.length > 0 && { initContainerStatuses: [{ name: RESTORE, state: { [restore]: {} } }] }),
    },
  };
}

/** Of a pod, or a template, with these agents in it. */
export function injectedAnnotations(backups: string[], restores: string[]): Record<string, string> {
  if (backups.length + restores.length === 0) return {};
  const record = {
    containers: [],
    initContainers: [],
    volumes: [],
    imagePullSecrets: [],
    backups,
    restores,
    backupsServed: [],
    backupsWishes: [],
    restoresServed: [],
    restoresWanted: restores,
    backupsWanted: '',
    parts: '',
    template: '',
    before: new Map(),
  };
  return { [INJECTED_ANNOTATION]: writeRecord(record) };
}
