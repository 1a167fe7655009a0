import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { injectionOptions } from '../injection/options.ts';
import { rawOf } from '../injection/raw.ts';
import { readContent, splitDocuments } from './documents.ts';
import { injectManifests } from './inject-manifests.ts';
import { type ManifestObject, objectsOf } from './objects.ts';

const folder = new URL('../../test/manifests/', import.meta.url);
const names = readdirSync(folder);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

const OPTIONS = injectionOptions({ image: 'stash:test', nativeSidecar: false });

function run(text: string, options = OPTIONS) {
  return injectManifests([{ name: 'input', text }], 'default', options);
}

function objectsIn(text: string): ManifestObject[] {
  return splitDocuments({ name: 'input', text }).flatMap((document) => {
    const content = readContent(document.body);
    return 'value' in content ? objectsOf(document, content.value).objects : [];
  });
}

const recordOf = ({ raw }: ManifestObject) =>
  rawOf(rawOf(rawOf(rawOf(raw.spec).template).metadata).annotations)[INJECTED_ANNOTATION];

/** Whether every line of `text` stands in `longer`, in the same order. */
function keepsLines(text: string, longer: string): boolean {
  const lines = longer.split('\n');
  let at = 0;
  return text.split('\n').every((line) => {
    at = lines.indexOf(line, at) + 1;
    return at > 0;
  });
}

const HEAD = `apiVersion: stash.appscode.com/v1alpha2
kind: Repository
metadata: {name: backups}
spec:
  backend: {local: {persistentVolumeClaim: {claimName: backups}}, storageSecretName: storage}
---
`;
const configuration = (difference = '', name = 'nightly') => `apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {name: ${name}}
spec:
  schedule: '@daily'
  repository: {name: backups}
  target:
    ref: {apiVersion: apps/v1, kind: Deployment, name: app}
    directories: [/data]${difference}
---
`;
const deployment = (metadata = 'name: app', mountPath = '/data') => `apiVersion: apps/v1
kind: Deployment
metadata: {${metadata}}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
        - name: app
          image: app
          volumeMounts: [{name: data, mountPath: ${mountPath}}]
      volumes:
        - {name: data, emptyDir: {}}
`;

describe.each(names)('%s', (name) => {
  const text = read(name);
  const injected = run(text);

  it('is resolved, and gets what is wanted into every target', () => {
    expect(injected.refusals).toEqual([]);
    const targets = objectsIn(text)
      .filter(({ kind }) => kind === 'BackupConfiguration')
      .map(({ raw }) => rawOf(rawOf(rawOf(raw.spec).target).ref).name);
    const carriers = objectsIn(injected.text).filter((object) => recordOf(object) !== undefined);
    expect(targets.length).toBeGreaterThan(0);
    expect(carriers.map((object) => object.name).sort()).toEqual([...new Set(targets)].sort());
  });

  it('keeps every other object, in order, and every other document to the byte', () => {
    const others = (all: string) =>
      objectsIn(all).map((object) => (recordOf(object) === undefined ? object.raw : object.name));
    const before = objectsIn(text).map((object, index) => {
      const after = objectsIn(injected.text)[index];
      return after !== undefined && recordOf(after) !== undefined ? object.name : object.raw;
    });
    expect(others(injected.text)).toEqual(before);
    const after = splitDocuments({ name, text: injected.text });
    for (const [index, document] of splitDocuments({ name, text }).entries()) {
      const has = objectsIn(after[index]?.body ?? '').some((object) => recordOf(object) !== undefined);
      if (!has) expect(after[index]).toEqual({ ...document, source: name });
    }
  });

  it('is the same after it was injected once more, with another image too', () => {
    expect(run(injected.text).text).toBe(injected.text);
    const upgrade = injectionOptions({ image: 'stash:next', nativeSidecar: true });
    expect(run(injected.text, upgrade).text).toBe(injected.text);
  });
});

/** Those with the objects of ours in documents of their own. */
const apart = names.filter((name) => !['list.yaml', 'object.json'].includes(name));

it.each(apart)('says what it said before when nothing is wanted of %s any more', (name) => {
  const workloads = (text: string) =>
    splitDocuments({ name, text }).filter(
      ({ body }) => !objectsIn(body).some(({ apiVersion }) => apiVersion.startsWith('stash.')),
    );
  const raws = (text: string) => objectsIn(text).map(({ raw }) => raw);
  const joined = (text: string) =>
    workloads(text)
      .map(({ marker, body }) => marker + body)
      .join('');
  const plain = run(joined(run(read(name)).text)).text;
  expect(raws(joined(run(read(name)).text))).not.toEqual(raws(joined(read(name))));
  expect(raws(plain)).toEqual(raws(joined(read(name))));
});

it.each(names.filter((name) => !['anchors.yaml', 'flow.yaml', 'list.yaml', 'object.json'].includes(name)))(
  'takes no line out of %s: comments, tabs, line ends and trailing blanks stay',
  (name) => {
    expect(keepsLines(read(name), run(read(name)).text)).toBe(true);
  },
);

it('writes the ends of lines as the document has them', () => {
  expect(run(read('crlf.yaml')).text).not.toMatch(/[^\r]\n/);
  expect(run(read('comments.yaml')).text).not.toContain('\r');
});

it('keeps a comment on a field that it has to write anew', () => {
  expect(run(read('list.yaml')).text).toContain('volumes:   # in one line\n');
});

it('edits what has an anchor in one place, and not where it is used', () => {
  const objects = objectsIn(run(read('anchors.yaml')).text);
  const containers = (name: string) =>
    JSON.stringify(objects.find((object) => object.name === name)?.raw.spec).includes('"name":"stash"');
  expect([containers('twin-a'), containers('twin-b'), containers('merged')]).toEqual([true, false, true]);
});

it('puts the init container of a restore before those of the workload, below no comment of theirs', () => {
  const text = run(read('native-sidecars.yaml')).text;
  expect(text.indexOf('- name: stash-restore')).toBeLessThan(text.indexOf('- name: proxy'));
});

it('keeps in JSON a number that JavaScript would write otherwise, and the indentation', () => {
  const wide = JSON.stringify(JSON.parse(read('object.json')), undefined, 4);
  const text = wide.replace('"selector"', '"exact": 12345678901234567890, "tabs": 1e3, "selector"');
  const injected = run(text).text;
  expect(injected).toContain('"exact": 12345678901234567890');
  expect(injected).toContain('"tabs": 1e3');
  expect(injected).toMatch(/^\{\n {4}"apiVersion"/);
});

describe('what nobody wants anything of', () => {
  const piece = fc.constantFrom(
    ...['---\n', '--- # x\n', '---\r\n', '...\n', '# comment\t \n', '\n', '\t\n', '%YAML 1.1\n---\n'],
    ...['apiVersion: v1\nkind: ConfigMap\nmetadata: {name:   a}\n---\n', '\uFEFF'],
    ...[
      '---\napiVersion: v1\nkind: X\ntext: |\n  ---\n  # no comment  \n\n---\n',
      '---\n{"apiVersion":"v1","kind":"Y"}\n',
    ],
    deployment().replace('app}', 'other}'),
  );

  it('passes through to the byte', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const { text, refusals } = run(pieces.join(''));
        fc.pre(refusals.length === 0);
        expect(text).toBe(pieces.join(''));
      }),
      { numRuns: 300 },
    );
  });

  it('is split and joined again whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const documents = splitDocuments({ name: 'x', text });
        expect(documents.map(({ marker, body }) => marker + body).join('')).toBe(text);
      }),
    );
  });
});

describe('several sources', () => {
  const join = (...texts: string[]) =>
    injectManifests(
      texts.map((text, index) => ({ name: `${index}`, text })),
      'default',
      OPTIONS,
    ).text;

  it('are one stream, with a marker between them', () => {
    expect(join('a: 1\napiVersion: v1\nkind: A', '---\napiVersion: v1\nkind: B\n')).toBe(
      'a: 1\napiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n',
    );
    expect(join('{"apiVersion":"v1","kind":"A"}', 'apiVersion: v1\nkind: B')).toBe(
      '---\n{"apiVersion":"v1","kind":"A"}\n---\napiVersion: v1\nkind: B',
    );
  });

  it('are one for resolving', () => {
    expect(join(deployment(), HEAD, configuration())).toContain('- name: stash\n');
  });
});

describe('namespaces', () => {
  it('takes what names none for an object of the namespace that is given, and writes none', () => {
    const sources = [
      { name: 'x', text: `${HEAD}${configuration()}${deployment('name: app, namespace: shop')}` },
    ];
    expect(injectManifests(sources, 'shop', OPTIONS).text).toContain('- name: stash\n');
    expect(injectManifests(sources, 'shop', OPTIONS).text.match(/namespace: shop/g)).toHaveLength(1);
    const elsewhere = injectManifests(sources, 'default', OPTIONS);
    expect(elsewhere.text).toBe(sources[0]?.text);
    expect(elsewhere.warnings).toEqual([
      {
        where: 'x, document 2, BackupConfiguration nightly',
        path: 'spec.target.ref',
        message: 'there is no Deployment "app" in the input, so nothing is injected for it here',
      },
    ]);
  });
});

describe('what cannot be resolved', () => {
  const cases: [string, string, [where: string, path: string, message: string][]][] = [
    [
      'a Repository that is not there',
      configuration() + deployment(),
      [
        [
          'document 1, BackupConfiguration nightly',
          'spec.repository.name',
          'there is no Repository "backups"',
        ],
      ],
    ],
    [
      'a directory that no volume holds',
      HEAD + configuration() + deployment('name: app', '/elsewhere'),
      [['document 2, BackupConfiguration nightly', 'spec.target.directories[0]', 'no volume holds "/data"']],
    ],
    [
      'an object that its schema refuses, and one that a rule refuses',
      HEAD + configuration('\n  tiemout: 1h') + configuration('\n  timeout: 0s', 'other') + deployment(),
      [
        ['document 2, BackupConfiguration nightly', 'spec.tiemout', 'is not a field'],
        ['document 3, BackupConfiguration other', 'spec.timeout', '"0s" is too short'],
      ],
    ],
    [
      'a wrong Repository, told once',
      HEAD.replace('claimName: backups', 'claimName: Backups') + configuration() + deployment(),
      [['document 1, Repository backups', 'claimName', 'Backups']],
    ],
    [
      'a name twice',
      `${HEAD}${configuration()}${configuration()}${deployment()}---\n${deployment()}`,
      [
        ['document 3, BackupConfiguration nightly', 'metadata.name', '"nightly" stands in input, document 2'],
        ['document 5, Deployment app', 'metadata.name', '"app" stands in input, document 4'],
      ],
    ],
    [
      'a session without a name, and a version that is not known',
      HEAD +
        configuration().replace('v1beta1', 'v1') +
        configuration()
          .replace('BackupConfiguration', 'RestoreSession')
          .replace('name: nightly', 'generateName: x-'),
      [
        ['document 2, BackupConfiguration nightly', 'apiVersion', 'write stash.appscode.com/v1beta1'],
        ['document 3, RestoreSession without a name', 'metadata.name', 'is missing'],
      ],
    ],
    [
      'documents that are no objects',
      'just text\n---\n- a\n- b\n---\nkind: X\n---\napiVersion: v1\nkind: List\nitems: [1]\n',
      [
        ['document 1', '', '"just text" is no object'],
        ['document 2', '', '["a","b"] is no object'],
        ['document 3', '', 'the object has no apiVersion'],
        ['document 4', 'items[0]', '1 is no object'],
      ],
    ],
    [
      'what is no YAML',
      'a: [1\n---\nb: 1\nb: 2\n',
      [
        ['document 1', '', 'cannot be read'],
        ['document 2', '', 'cannot be read'],
      ],
    ],
  ];

  it.each(cases)('refuses %s, all at once, and writes nothing', (_, text, expected) => {
    const { refusals, text: written } = run(text);
    expect(written).toBe('');
    expect(refusals).toHaveLength(expected.length);
    expected.forEach(([where, path, message], index) => {
      expect(refusals[index]?.where).toBe(`input, ${where}`);
      expect(refusals[index]?.path).toContain(path);
      expect(refusals[index]?.message).toContain(message);
    });
  });
});

it('reads scalars as Kubernetes does: 0440 is octal, "no" is false, 12:30 and dates are texts', () => {
  const content = readContent('a: 0440\nb: no\nc: 12:30\nd: 2026-01-01\ne: 1_000\n');
  expect(content).toMatchObject({ value: { a: 0o440, b: false, c: '12:30', d: '2026-01-01' } });
});
