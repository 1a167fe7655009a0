/**
 * Says that what was printed before and after is the same.
 *
 * @param of - what the lines are, of `list-data.sh` where it is left out
 * @throws {Error} with the first lines that differ
 */
export function compare(
  before: string,
  after: string,
  of = 'checksums, modes, owners, times, links and sizes',
): string {
  const had = new Set(before.split('\n'));
  if (after !== before) {
    const has = new Set(after.split('\n'));
    const gone = [...had].filter((line) => !has.has(line)).slice(0, 10);
    const come = [...has].filter((line) => !had.has(line)).slice(0, 10);
    throw new Error(`the data is not what it was:\n- ${gone.join('\n- ')}\n+ ${come.join('\n+ ')}`);
  }
  const lines = before.split('\n').length;
  return `compared: all ${lines} lines of ${of} are the same as before`;
}
