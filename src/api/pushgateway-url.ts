import { quoted } from './problem.ts';

/** What keeps `text` from being the URL of a Pushgateway, and what to do, as a clause; undefined where it is one. */
export function faultOfPushgateway(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return `${quoted(text)} is no http or https URL; write it as http://pushgateway.monitoring:9091`;
  }
  if (url.username === '' && url.password === '') return undefined;
  return `${quoted(text)} has a user or a password in it, which whoever may read pods would see; take them out`;
}
