import { describe, expect, it } from 'vitest';
import { backup, deployment, NOTHING, OPTIONS, sidecarIn } from './fixtures.ts';
import { inject } from './inject.ts';
import { type Raw, rawsOf } from './raw.ts';

const POD_NAME = { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
const AGENT = [
  POD_NAME,
  { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
  { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
  { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
];

function mounting(subPathExpr: string, fields: Raw, name = 'app', mountPath = '/data'): Raw {
  return { name, volumeMounts: [{ name: 'data', mountPath, subPathExpr }], ...fields };
}

describe('the environment of the sidecar', () => {
  it("says which pod it is in, and has nothing of the user's that no mount needs", () => {
    const env = [{ name: 'PASSWORD', value: 'x' }];
    const sidecar = sidecarIn({
      containers: [{ name: 'app', env, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    });
    expect(sidecar.env).toEqual(AGENT);
    expect(sidecar).not.toHaveProperty('envFrom');
  });

  it('has the variables of a subPathExpr, and those of their values, before its own', () => {
    const env = [
      { name: 'TIER', valueFrom: { configMapKeyRef: { name: 'c', key: 'tier' } } },
      { name: 'OTHER', value: 'x' },
      { name: 'WHERE', value: '$(TIER)/$$(OTHER)' },
    ];
    const { env: found } = sidecarIn({ containers: [mounting('$(WHERE)/x', { env })] });
    expect(found).toEqual([env[0], env[2], ...AGENT]);
  });

  it('keeps the sources that a variable could come from, where env has it not', () => {
    const envFrom = [
      { configMapRef: { name: 'a' } },
      { prefix: 'APP_', secretRef: { name: 'b' } },
      { prefix: 'X_', configMapRef: { name: 'c' } },
    ];
    expect(sidecarIn({ containers: [mounting('$(APP_DIR)', { envFrom })] }).envFrom).toEqual(
      envFrom.slice(0, 2),
    );
    const env = [{ name: 'APP_DIR', value: 'x' }];
    expect(sidecarIn({ containers: [mounting('$(APP_DIR)', { env, envFrom })] })).not.toHaveProperty(
      'envFrom',
    );
  });

  it('lets no variable of a whole source say how the agent runs', () => {
    const envFrom = [{ configMapRef: { name: 'a' } }];
    const { env } = sidecarIn({ containers: [mounting('$(APP_DIR)', { envFrom })] });
    for (const name of ['PATH', 'NODE_OPTIONS', 'LOG_LEVEL']) {
      expect(rawsOf(env).filter((entry) => entry.name === name)).toHaveLength(1);
    }
  });

  it.each(['PATH', 'NODE_OPTIONS', 'LOG_LEVEL'])(
    'is refused where a directory depends on %s, which is the agent’s',
    (name) => {
      const env = [{ name, value: 'x' }];
      const pod = deployment({ containers: [mounting(`$(${name})`, { env })] });
      const { problems } = inject(pod, { ...NOTHING, backups: [backup()] }, OPTIONS);
      expect(problems).toMatchObject([{ reason: 'EnvironmentConflict' }]);
    },
  );

  it("has the pod's name once, where the user's variable is the same", () => {
    const own = {
      name: 'POD_NAME',
      valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
    };
    const { env } = sidecarIn({ containers: [mounting('$(POD_NAME)', { env: [own] })] });
    expect(env).toEqual([own, ...AGENT.slice(1)]);
  });

  it("asks for the resources of the user's container, not of its own", () => {
    const env = [{ name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }];
    const [entry] = rawsOf(sidecarIn({ containers: [mounting('$(CPUS)', { env })] }).env);
    expect(entry).toMatchObject({
      valueFrom: { resourceFieldRef: { resource: 'limits.cpu', containerName: 'app' } },
    });
  });
});

describe('a variable with two meanings is a problem', () => {
  it.each<[string, Raw[], string]>([
    ["the agent's own", [mounting('$(POD_NAME)', { env: [{ name: 'POD_NAME', value: 'x' }] })], 'POD_NAME'],
    [
      "two containers'",
      [
        mounting('$(V)', { env: [{ name: 'V', value: '1' }] }),
        mounting('$(V)', { env: [{ name: 'V', value: '2' }] }, 'b', '/more'),
      ],
      'V',
    ],
    [
      "a source's, and another container's",
      [
        mounting('$(V)', { envFrom: [{ configMapRef: { name: 'c' } }] }),
        mounting('$(V)', { env: [{ name: 'V', value: '2' }] }, 'b', '/more'),
      ],
      'V',
    ],
    [
      "two sources'",
      [
        mounting('$(V)', { envFrom: [{ configMapRef: { name: 'c' } }] }),
        mounting('$(W)', { envFrom: [{ configMapRef: { name: 'd' } }] }, 'b', '/more'),
      ],
      'W',
    ],
  ])('%s', (_, containers, variable) => {
    const directories = containers.length === 1 ? ['/data'] : ['/data', '/more'];
    const wanted = { ...NOTHING, backups: [backup({ directories })] };
    const { changed, problems } = inject(deployment({ containers }), wanted, OPTIONS);
    expect(changed).toBe(false);
    expect(problems).toMatchObject([{ reason: 'EnvironmentConflict', name: 'nightly' }]);
    expect(problems[0]?.message).toContain(` ${variable}`);
  });
});
