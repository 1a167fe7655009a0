import { expect, test } from 'vitest';
import { withoutSiblings } from './goBuild.ts';
import { olderThan, parseGoVersion } from './goToolchain.ts';

const goMod = `module k8s.io/kubernetes

require k8s.io/api v0.0.0

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/client-go => ./staging/src/k8s.io/client-go
\tgithub.com/old => github.com/fork v1.2.3
)

replace go.etcd.io/etcd => ../FORBIDDEN
`;

test('replacements by folders become the published version', () => {
  const changed = withoutSiblings(goMod, 'v0.34.4');
  expect(changed).toContain(
    '\tk8s.io/api => k8s.io/api v0.34.4\n\tk8s.io/client-go => k8s.io/client-go v0.34.4\n',
  );
  expect(changed).toContain('github.com/old => github.com/fork v1.2.3');
});

test('replacements by folders go where the requirement names a real version', () => {
  const changed = withoutSiblings(goMod);
  expect(changed).not.toMatch(/=> \.\.?\//);
  expect(changed).toContain('github.com/old => github.com/fork v1.2.3');
  expect(changed).toContain('require k8s.io/api v0.0.0');
});

test.each([
  ['go version go1.26.8 linux/amd64', '1.26.8'],
  ['go version go1.19 linux/arm64\n', '1.19'],
  ['go version devel go1.27-abcdef linux/amd64', undefined],
  ['go version go1.26rc1 linux/amd64', undefined],
  ['gccgo (Debian 12.2.0) 12.2.0', undefined],
])('%j is version %s', (text, version) => {
  expect(parseGoVersion(text)).toBe(version);
});

test.each([
  ['1.19', '1.26.0', true],
  ['1.25.11', '1.26.0', true],
  ['1.26', '1.26.0', false],
  ['1.26.8', '1.26.0', false],
  ['1.26.8', '1.26.10', true],
  ['2.0', '1.26.0', false],
])('%s is older than %s: %s', (version, than, expected) => {
  expect(olderThan(version, than)).toBe(expected);
});
