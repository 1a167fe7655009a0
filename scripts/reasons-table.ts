import { REASONS } from '../src/api/reasons.ts';

const BEGIN = '<!-- Generated from src/api/reasons.ts by `npm run generate`. Do not edit. -->\n';
const END = '<!-- End of what is generated. -->';

/** `page` with the table of all reasons between its two marks. */
export function withReasons(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error('the page has no marks for the reasons');
  const rows = Object.entries(REASONS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, meaning]) => `| ${reason} | ${meaning} |\n`);
  return `${page.slice(0, from)}${BEGIN}\n| reason | what it tells |\n|---|---|\n${rows.join('')}\n${page.slice(to)}`;
}
