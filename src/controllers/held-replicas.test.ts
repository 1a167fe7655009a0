import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HELD_REPLICAS_ANNOTATION } from '../api/annotations.ts';
import type { WorkloadRestore } from '../api/workload-target.ts';
import { decideEmptying, decideReplicas, type HeldReplicas, mayBeHeld, readHeld } from './held-replicas.ts';
import { aRestore, aWorkload } from './objects.fixture.ts';
import { aPod, injectedAnnotations } from './pods.fixture.ts';
import type { Workload } from './workload.ts';

/* Each case is a moment at which the operator may have been stopped, and is started anew. */

const session = aRestore();
const uid = session.metadata.uid ?? '';
const remembering = aRestore({ status: { phase: 'Pending', replicas: 3 } });
const taken: HeldReplicas = { session: uid, replicas: 3, isHeld: true };
const given: HeldReplicas = { ...taken, isHeld: false };

interface Facts {
  replicas?: number;
  held?: HeldReplicas;
  isCarried?: boolean;
  spec?: object;
  /** Who scaled it. */
  by?: string[];
}

function workload({ replicas = 3, held, isCarried = false, spec = {}, by = [] }: Facts = {}): Workload {
  const template = {
    metadata: { annotations: injectedAnnotations([], isCarried ? ['back'] : []) },
    spec: {
      containers: [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/source/data' }] }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
  };
  const annotations = held === undefined ? {} : { [HELD_REPLICAS_ANNOTATION]: JSON.stringify(held) };
  const managedFields = by.map((manager) => ({ manager, fieldsV1: { 'f:spec': { 'f:replicas': {} } } }));
  return aWorkload({
    metadata: { annotations, managedFields } as object,
    spec: { replicas, template: template as object, ...spec },
  });
}

const old = aPod('old');
const going = aPod('going', { isGoing: true });
const fresh = aPod('fresh', { restores: ['back'] });
const decide = (facts: Facts, sessions: WorkloadRestore[], ...pods: ReturnType<typeof aPod>[]) =>
  decideReplicas(workload(facts), sessions, pods);

describe('the replicas of a Deployment', () => {
  it('are not taken before the session remembers how many there are', () => {
    expect(decide({}, [session], old)).toEqual({ kind: 'Wait' });
    expect(decide({ replicas: 5 }, [remembering], old)).toEqual({ kind: 'Wait' });
  });

  it('are taken once it does', () => {
    expect(decide({}, [remembering], old)).toEqual({ kind: 'Take', held: taken, session: remembering });
  });

  it('are taken where the pods are those of an earlier session of this name', () => {
    const done = aPod('done', { restores: ['back'], restore: 'terminated' });
    expect(decide({ isCarried: true }, [remembering], done)).toMatchObject({ kind: 'Take' });
  });

  it.each<[string, Facts, WorkloadRestore[], ReturnType<typeof aPod>[]]>([
    ['there is no restore', {}, [], [old]],
    ['it is scaled to zero already', { replicas: 0 }, [remembering], []],
    ['it is paused', { spec: { paused: true } }, [remembering], [old]],
    ['the restore has begun', {}, [aRestore({ status: { phase: 'Running', replicas: 3 } })], [old]],
    ['the restore was cancelled', {}, [aRestore({ ...remembering, spec: { cancel: true } })], [old]],
    ['no old pod is there to stay', { isCarried: true }, [remembering], [going, fresh]],
    ['they were given back before', { held: given }, [remembering], [old]],
  ])('are left alone where %s', (_, facts, sessions, pods) => {
    expect(decide(facts, sessions, ...pods)).toEqual({ kind: 'Leave' });
  });

  it('are left alone where the volume goes with its pod', () => {
    const own = { ...workload(), spec: { replicas: 1, template: {} } };
    expect(decideReplicas(own, [remembering], [old])).toEqual({ kind: 'Leave' });
  });

  it.each([
    ['an old pod is left', { replicas: 0, held: taken, isCarried: true }, [going]],
    ['the restore is not in the template', { replicas: 0, held: taken }, []],
  ])('are kept as long as %s', (_, facts, pods) => {
    expect(decide(facts, [remembering], ...pods)).toEqual({ kind: 'Wait' });
  });

  it('are given back once all old pods are gone, and are not taken again', () => {
    const evicted = aPod('evicted', { phase: 'Failed' });
    expect(decide({ replicas: 0, held: taken, isCarried: true }, [remembering], evicted)).toEqual({
      kind: 'GiveBack',
      replicas: 3,
      held: given,
    });
  });

  it.each<[string, WorkloadRestore[]]>([
    ['is gone', []],
    ['has failed', [aRestore({ status: { phase: 'Failed', replicas: 3 } })]],
    ['has succeeded', [aRestore({ status: { phase: 'Succeeded', replicas: 3 } })]],
    ['was cancelled', [aRestore({ spec: { cancel: true }, status: { phase: 'Pending' } })]],
    ['is being deleted', [aRestore({ metadata: { deletionTimestamp: '2026-11-22T17:30:00Z' } })]],
    ['is another of the same name', [aRestore({ metadata: { uid: 'another' } })]],
  ])('are given back where the session %s, though old pods are left', (_, sessions) => {
    const facts = { replicas: 0, held: taken };
    expect(decide(facts, sessions, going)).toEqual({ kind: 'GiveBack', replicas: 3, held: undefined });
  });

  it('are given back where the restore runs already', () => {
    const running = aRestore({ status: { phase: 'Running', replicas: 3 } });
    expect(decide({ replicas: 0, held: taken }, [running], going)).toMatchObject({
      kind: 'GiveBack',
      replicas: 3,
    });
  });

  it('stay as somebody has scaled them meanwhile', () => {
    expect(decide({ replicas: 2, held: taken }, [remembering], going)).toEqual({ kind: 'Note', held: given });
    expect(decide({ replicas: 2, held: taken }, [])).toEqual({ kind: 'Note', held: undefined });
  });

  it('are spoken of no more when the session is over', () => {
    expect(decide({ held: given }, [aRestore({ status: { phase: 'Succeeded' } })])).toEqual({
      kind: 'Note',
      held: undefined,
    });
  });
});

describe('the replicas of a Deployment of which kubectl rollout undo has taken the annotation', () => {
  const ours = { replicas: 0, by: ['stash-operator'] };
  const over = (name: string, replicas: number, completionTime: string) =>
    aRestore({ metadata: { name, uid: name }, status: { phase: 'Failed', replicas, completionTime } });
  const ended = over('ended', 3, '2026-11-22T18:00:00Z');

  it('are spoken of again while the restore needs them', () => {
    expect(decide(ours, [remembering], old)).toEqual({ kind: 'Note', held: taken });
    expect(decide({ ...ours, held: { ...taken, session: 'earlier' } }, [remembering], old)).toEqual({
      kind: 'Note',
      held: taken,
    });
  });

  it('are given back once it does not, and where it is over', () => {
    expect(decide({ ...ours, isCarried: true }, [remembering])).toEqual({
      kind: 'GiveBack',
      replicas: 3,
      held: given,
    });
    const earlier = over('earlier', 5, '2026-11-22T17:30:00Z');
    expect(decide(ours, [earlier, ended], old)).toEqual({ kind: 'GiveBack', replicas: 3, held: undefined });
  });

  it.each<[string, Facts, WorkloadRestore[]]>([
    ['somebody else scaled it to zero', { replicas: 0, by: ['kubectl'] }, [ended]],
    ['somebody else wants it at zero too', { replicas: 0, by: ['stash-operator', 'flux'] }, [ended]],
    ['nobody knows who did', { replicas: 0 }, [ended]],
    ['no restore knows how many there were', ours, [aRestore({ status: { phase: 'Failed' } })]],
    ['there are some', { by: ['stash-operator'] }, [ended]],
  ])('are left alone where %s', (_, facts, sessions) => {
    expect(decide(facts, sessions)).toEqual({ kind: 'Leave' });
  });

  it('stay zero where somebody scaled to zero, and the annotation of an earlier restore came back', () => {
    const scaled = { replicas: 0, held: taken, by: ['kubectl'] };
    expect(decide(scaled, [])).toEqual({ kind: 'Note', held: undefined });
    expect(decide(scaled, [ended])).toEqual({ kind: 'Note', held: undefined });
    expect(decide(scaled, [remembering], old)).toEqual({ kind: 'Note', held: given });
  });

  it('are looked after only where it is at zero, and a restore may have done it', () => {
    const isAsked = (facts: Facts, sessions: WorkloadRestore[]) => mayBeHeld(workload(facts), sessions);
    expect(isAsked({ replicas: 0 }, [ended])).toBe(true);
    expect(isAsked({ replicas: 0, held: taken }, [])).toBe(true);
    expect(isAsked({ replicas: 0, held: given }, [session])).toBe(false);
    expect(isAsked({ held: taken }, [ended])).toBe(false);
  });
});

describe('what a Deployment says of its replicas', () => {
  it.each([
    '',
    '{',
    '3',
    'null',
    '{}',
    '{"session":"a","replicas":-1,"isHeld":true}',
    '{"session":1,"replicas":1,"isHeld":true}',
  ])('is nothing where it cannot be read: %s', (text) => {
    const { metadata, ...rest } = workload();
    expect(
      readHeld({ ...rest, metadata: { ...metadata, annotations: { [HELD_REPLICAS_ANNOTATION]: text } } }),
    ).toBeUndefined();
  });
});

describe('a restore into a claim', () => {
  const emptying = (facts: Facts, of: WorkloadRestore, ...pods: ReturnType<typeof aPod>[]) =>
    decideEmptying(workload(facts), of, pods);

  it('remembers the replicas first, and those of now where they have changed', () => {
    expect(emptying({}, session, old)).toMatchObject({ reason: 'ScalingToZero', replicas: 3 });
    expect(emptying({ replicas: 5 }, remembering, old)).toMatchObject({ replicas: 5 });
  });

  it('begins when no old pod is left, and not before', () => {
    expect(emptying({ held: given, isCarried: true }, remembering, fresh)).toBeUndefined();
    expect(emptying({ held: given, isCarried: true }, remembering, fresh, going)).toMatchObject({
      reason: 'OldPodsRun',
      message: 'waits until the old pods are gone: going',
    });
    expect(emptying({ replicas: 0, held: taken }, remembering, going)).toMatchObject({
      reason: 'ScaledToZero',
    });
  });

  it('says why it cannot', () => {
    expect(emptying({ spec: { paused: true } }, session, old)).toMatchObject({ reason: 'WorkloadPaused' });
  });

  it('of a Deployment that somebody scaled to zero takes nothing', () => {
    const decision = emptying({ replicas: 0 }, session, going);
    expect(decision).toMatchObject({ reason: 'OldPodsRun' });
    expect(decision).not.toHaveProperty('replicas');
    expect(emptying({ replicas: 0, isCarried: true }, session)).toBeUndefined();
  });
});

describe('the replicas of a Deployment, whatever happens in whatever order', () => {
  /** What may happen between two looks of the operator; a crash of its own is that it looks late, or not at all. */
  const happenings = [
    'look',
    'look',
    'remember',
    'gone',
    'run',
    'end',
    'cancel',
    'delete',
    'scale',
    'idle',
  ] as const;

  const seen = new Set<boolean>();
  const withoutHeld = ({ held: _, ...rest }: Facts): Facts => rest;

  it('are in the end those that their owner gave it last', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...happenings), { maxLength: 40 }), (events) => {
        let owners = 3;
        let facts: Facts = { replicas: owners };
        let sessions: WorkloadRestore[] = [session];
        let pods = [old];
        let wasDown = false;
        const look = () => {
          const decision = decideReplicas(workload(facts), sessions, pods);
          if (decision.kind === 'Take') {
            // One write of the cluster's own: at no moment is the number nowhere.
            facts = { replicas: 0, held: decision.held, isCarried: true };
            pods = pods.map(() => going);
          }
          if (decision.kind === 'GiveBack') facts = { ...withoutHeld(facts), replicas: decision.replicas };
          if (decision.kind === 'Note') facts = withoutHeld(facts);
          if ((decision.kind === 'GiveBack' || decision.kind === 'Note') && decision.held !== undefined) {
            facts = { ...facts, held: decision.held };
          }
          wasDown ||= facts.replicas === 0;
          return decision.kind;
        };
        const change = (over: Parameters<typeof aRestore>[0]) => {
          sessions = sessions.map((each) =>
            aRestore({ spec: each.spec, status: { ...each.status }, ...over }),
          );
        };
        for (const event of events) {
          if (event === 'look') look();
          if (event === 'remember' && facts.replicas !== 0)
            change({ status: { phase: 'Pending', replicas: facts.replicas ?? 3 } });
          if (event === 'gone') pods = pods.filter((pod) => pod !== going);
          if (event === 'run') change({ status: { phase: 'Running' } });
          if (event === 'end') change({ status: { phase: 'Failed' } });
          if (event === 'cancel') change({ spec: { cancel: true } });
          if (event === 'delete') sessions = [];
          if (event === 'scale') {
            owners = owners === 3 ? 2 : 3;
            facts = { ...facts, replicas: owners };
          }
        }
        change({ status: { phase: 'Failed' } });
        for (let looks = 0; looks < 3; looks++) look();
        expect(look()).toBe('Leave');
        expect(facts.replicas).toBe(owners);
        expect(facts.held).toBeUndefined();
        seen.add(wasDown);
      }),
    );
    expect(seen).toEqual(new Set([true, false]));
  });
});
