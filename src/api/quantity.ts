const SUFFIXES: Readonly<Record<string, { times?: number; parts?: number }>> = {
  n: { parts: 1e9 },
  u: { parts: 1e6 },
  m: { parts: 1e3 },
  '': {},
  k: { times: 1e3 },
  M: { times: 1e6 },
  G: { times: 1e9 },
  T: { times: 1e12 },
  P: { times: 1e15 },
  E: { times: 1e18 },
  Ki: { times: 2 ** 10 },
  Mi: { times: 2 ** 20 },
  Gi: { times: 2 ** 30 },
  Ti: { times: 2 ** 40 },
  Pi: { times: 2 ** 50 },
  Ei: { times: 2 ** 60 },
};

/**
 * A Kubernetes quantity ("500m", "1.5Gi", "1e3", 2) as a number; undefined where it is none.
 *
 * Small units are divided by, not multiplied with, so that "300m" is the same number as "0.3".
 */
export function parseQuantity(quantity: unknown): number | undefined {
  if (typeof quantity === 'number') return quantity;
  if (typeof quantity !== 'string') return undefined;
  if (!known.has(quantity)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(quantity, read(quantity));
  }
  return known.get(quantity);
}

/** A cluster has few different ones, and some are read at each admission of a workload. */
const known = new Map<string, number | undefined>();
const MOST_KNOWN = 1000;

function read(quantity: string): number | undefined {
  const [, digits, suffix = ''] =
    /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(quantity) ?? [];
  if (digits === undefined || !Object.hasOwn(SUFFIXES, suffix)) return undefined;
  const { times = 1, parts = 1 } = SUFFIXES[suffix] ?? {};
  return (Number(digits) * times) / parts;
}
