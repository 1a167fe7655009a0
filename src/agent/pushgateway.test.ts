import { pino } from 'pino';
import { expect, test } from 'vitest';
import { pushOf } from './pushgateway.ts';

const pushgatewayUrl = 'http://pushgateway.monitoring:9091';
const push = { url: pushgatewayUrl };

test.each([
  ['where it is switched on and told where', { metricsEnabled: 'true', pushgatewayUrl }, { push }, 0],
  ['nowhere where it is not told where', { metricsEnabled: 'true', pushgatewayUrl: '' }, {}, 0],
  ['nowhere where it is switched off', { metricsEnabled: 'false', pushgatewayUrl }, {}, 0],
  ['nowhere where the switch is empty', { metricsEnabled: '', pushgatewayUrl }, {}, 0],
  ['nowhere where nothing is said', {}, {}, 0],
  [
    'nowhere, with a warning, where the switch is misspelt',
    { metricsEnabled: 'True', pushgatewayUrl },
    {},
    1,
  ],
])('an outcome is pushed %s', (_, options, wanted, warnings) => {
  const lines: string[] = [];
  const logger = pino({}, { write: (line) => lines.push(line) });
  expect(pushOf({ logger }, options)).toEqual(wanted);
  expect(lines).toHaveLength(warnings);
  for (const line of lines) expect(line).toMatch(/"level":40,.*"found":"True",.*enableMetric is neither/);
});
