const REDACTED = '[redacted]';

/**
 * `text` without the values of `secrets`, as they are, without white space around them, and in the forms in which JSON and URLs
 * hold them. A secret of several lines goes line by line, since logs are cut into lines.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = new Set<string>();
  for (const secret of secrets) for (const form of formsOf(secret)) forms.add(form);
  if (forms.size === 0) return text;
  // The longest first, or a secret that begins with another would leave its end behind.
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return text.replace(new RegExp(longestFirst.map(literally).join('|'), 'g'), REDACTED);
}

function formsOf(secret: string): string[] {
  const values = [secret, secret.trim(), ...secret.split(/\r?\n/).filter((line) => line.trim().length >= 8)];
  return values
    .filter((value) => value.trim() !== '')
    .flatMap((value) => [value, inJson(value), inGoJson(value), inUrl(value)]);
}

function inJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

// encoding/json writes these three as escapes, so that its output can stand in HTML.
function inGoJson(value: string): string {
  return inJson(value).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

function inUrl(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
