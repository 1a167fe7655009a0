const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** `bytes` as restic writes sizes: `1.720 GiB`, and `312 B` below a KiB. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  // What would round to 1024.000 belongs to the next unit.
  while (amount >= (unit === 0 ? 1024 : 1023.9995) && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(3)} ${UNITS[unit]}`;
}
