import { type LevelWithSilent, levels } from 'pino';

/** The level that LOG_LEVEL names; `info` where it names none: a word in the environment is no reason not to back up. */
export function logLevel(wanted: string | undefined): LevelWithSilent {
  const level = wanted?.trim().toLowerCase() ?? '';
  return isLevel(level) ? level : 'info';
}

function isLevel(level: string): level is LevelWithSilent {
  return level === 'silent' || Object.hasOwn(levels.values, level);
}
