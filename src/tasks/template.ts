/** A text with variables in it, taken apart. */
export interface Template {
  parts: Part[];
  /** What looks like a variable and is none, a sentence each. */
  faults: string[];
}

/** A piece of text, with `$$` read as one `$`, or a variable. */
export type Part = string | Variable;

export interface Variable {
  name: string;
  /** `${name}` or `$(name)`: the second is also how Kubernetes writes environment variables. */
  syntax: 'braces' | 'parentheses';
  /** What follows `:=`; it is put in as it stands. */
  fallback?: string;
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*';
const TOKEN = new RegExp(
  [
    '(?<dollar>\\$\\$)',
    `\\$\\{(?<name>${NAME})(?::=(?<fallback>[^{}]*))?\\}`,
    `\\$\\((?<parenthesised>${NAME})\\)`,
    `(?<misplaced>\\$\\(${NAME}:=[^()]*\\))`,
    '(?<open>\\$\\{[^}\\n]{0,64}\\}?)',
  ].join('|'),
  'g',
);

/**
 * Takes `text` apart: `${name}`, `${name:=default}` and `$(name)` are variables, `$$` is one `$`, and all else stays as it is. So a shell's
 * `$HOME` and `$(date +%s)` stay, and its `${HOME}` is written `$${HOME}`.
 */
export function parseTemplate(text: string): Template {
  const parts: Part[] = [];
  const faults: string[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const { dollar, name, fallback, parenthesised, misplaced, open } = match.groups ?? {};
    pushText(parts, text.slice(end, match.index));
    end = match.index + match[0].length;
    if (dollar !== undefined) {
      pushText(parts, '$');
    } else if (name !== undefined) {
      if (fallback !== undefined && /\$[{(]/.test(fallback)) faults.push(nestedFault(name));
      parts.push({ name, syntax: 'braces', ...(fallback !== undefined && { fallback }) });
    } else if (parenthesised !== undefined) {
      parts.push({ name: parenthesised, syntax: 'parentheses' });
    } else if (misplaced !== undefined) {
      faults.push(`"${misplaced}" is no variable; a default is written with braces, \${name:=default}`);
    } else if (open !== undefined) {
      faults.push(openFault(open));
    }
  }
  pushText(parts, text.slice(end));
  return { parts, faults };
}

function pushText(parts: Part[], text: string): void {
  if (text === '') return;
  const last = parts.at(-1);
  if (typeof last === 'string') parts[parts.length - 1] = last + text;
  else parts.push(text);
}

function openFault(found: string): string {
  const nested = new RegExp(`^\\$\\{(${NAME}):=.*\\$\\{`).exec(found);
  if (nested?.[1] !== undefined) return nestedFault(nested[1]);
  return `"${found}" is no variable; write \${name} or \${name:=default}, or $$\{ where the characters themselves are meant`;
}

function nestedFault(name: string): string {
  return `the default of "${name}" has a variable in it: a default is put in as it stands, so write a value`;
}
