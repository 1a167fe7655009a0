import { describe, expect, it } from 'vitest';
import { TargetGate, type TargetUse } from './target-gate.ts';
import { WorkloadCaches } from './workload-caches.ts';

const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' };
const shop = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };

const use = (kind: TargetUse['kind'], name: string, ref = claim, namespace = 'demo'): TargetUse => ({
  kind,
  namespace,
  name,
  target: { ref },
});
const backup = use('BackupSession', 'shop-1');
const restore = use('RestoreSession', 'back');

describe('a target', () => {
  it.each<[string, TargetUse, TargetUse, boolean]>([
    ['a restore, while it is backed up', backup, restore, false],
    ['a backup, while it is restored', restore, backup, false],
    ['a restore, while it is restored', restore, use('RestoreSession', 'other'), false],
    ['a backup, while it is backed up', backup, use('BackupSession', 'other-1'), true],
    // The sidecar goes with the pods that the restore replaces.
    [
      'a restore, while its sidecar backs it up',
      use('BackupSession', 'shop-1', shop),
      use('RestoreSession', 'back', shop),
      true,
    ],
    [
      'a backup by its sidecar, while it is restored',
      use('RestoreSession', 'back', shop),
      use('BackupSession', 'shop-1', shop),
      false,
    ],
    ['whoever works in another namespace', restore, use('BackupSession', 'shop-1', claim, 'other'), true],
    ['a session that is inside', restore, restore, true],
  ])('is open or not to %s', (_, inside, asking, isOpen) => {
    const gate = new TargetGate(new WorkloadCaches());
    expect(gate.enter(inside)).toBeUndefined();
    expect(gate.obstacleTo(asking)).toBe(isOpen ? undefined : inside);
    expect(gate.enter(asking)).toBe(isOpen ? undefined : inside);
  });

  it('is free once the session in it is over', () => {
    const gate = new TargetGate(new WorkloadCaches());
    gate.hold(restore);
    gate.leave('BackupSession', 'demo/back');
    expect(gate.enter(backup)).toBe(restore);
    gate.leave('RestoreSession', 'demo/back');
    expect(gate.enter(backup)).toBeUndefined();
    expect(gate.enter(restore)).toBe(backup);
  });

  it('has those in it who were there already, whoever else is', () => {
    const gate = new TargetGate(new WorkloadCaches());
    gate.hold(backup);
    gate.hold(restore);
    gate.leave('BackupSession', 'demo/shop-1');
    expect(gate.enter(backup)).toBe(restore);
  });

  it('stays what a session began with', () => {
    const gate = new TargetGate(new WorkloadCaches());
    gate.hold(restore);
    gate.hold(use('RestoreSession', 'back', shop));
    expect(gate.enter(backup)).toBe(restore);
    // One that begins now is another of its name.
    gate.enter(use('RestoreSession', 'back', shop));
    expect(gate.enter(backup)).toBeUndefined();
  });
});
