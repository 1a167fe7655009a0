const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** What a duration looks like, as a pattern for schemas: Go's, not negative, with no unit below a millisecond. */
export const DURATION_PATTERN = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$';

export class InvalidDurationError extends Error {
  readonly code = 'InvalidDuration';
  constructor(text: string) {
    super(
      `"${text}" is no duration: write numbers with units from h, m, s and ms, such as 90s, 1h30m or 24h`,
    );
    this.name = 'InvalidDurationError';
  }
}

/**
 * Milliseconds in a Go duration such as `1h30m`.
 *
 * @throws {InvalidDurationError} where `text` is not one, is negative or is not finite
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) throw new InvalidDurationError(text);
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
    milliseconds += Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
  }
  if (!Number.isFinite(milliseconds)) throw new InvalidDurationError(text);
  return milliseconds;
}

/** The Go duration of `milliseconds` in its largest units, `1h30m0s` as `1h30m`; the inverse of parseDuration to the millisecond. */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 3_600_000), 'h'],
    [Math.floor(whole / 60_000) % 60, 'm'],
    [Math.floor(whole / 1000) % 60, 's'],
    [whole % 1000, 'ms'],
  ];
  const text = parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : '')).join('');
  return text === '' ? '0s' : text;
}
