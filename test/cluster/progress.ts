/** Where progress is told. Never stdout: that belongs to COMMAND alone. */
export interface Progress {
  say(line: string): void;
  /** Tells that `work` is under way, at intervals that it still is, and how long it took. */
  during<T>(label: string, work: () => Promise<T>, detail?: () => string): Promise<T>;
}

export interface Terminal {
  write(text: string): void;
  isTTY: boolean;
  columns: number;
  /** Milliseconds, from any origin. */
  now(): number;
}

/** A line that nobody watches needs to say less often that something goes on than one that is rewritten in place. */
const heartbeat = { log: 15_000, terminal: 1_000 };

export function progressOn(terminal: Terminal): Progress {
  let onLine = false;
  const clear = () => {
    if (onLine) terminal.write('\r\u001b[K');
    onLine = false;
  };
  const say = (line: string) => {
    clear();
    terminal.write(`${line}\n`);
  };
  return {
    say,
    async during(label, work, detail = () => '') {
      const start = terminal.now();
      const tell = () => {
        const line = progressLine(label, terminal.now() - start, detail());
        if (!terminal.isTTY) return terminal.write(`${line}\n`);
        clear();
        terminal.write(line.slice(0, terminal.columns - 1));
        onLine = true;
      };
      if (terminal.isTTY) tell();
      else terminal.write(`${label} …\n`);
      const timer = setInterval(tell, terminal.isTTY ? heartbeat.terminal : heartbeat.log);
      try {
        const result = await work();
        say(`${label}: done after ${seconds(terminal.now() - start)}`);
        return result;
      } catch (error) {
        say(`${label}: failed after ${seconds(terminal.now() - start)}`);
        throw error;
      } finally {
        clearInterval(timer);
        clear();
      }
    },
  };
}

export const stderrProgress: Progress = progressOn({
  write: (text) => process.stderr.write(text),
  isTTY: process.stderr.isTTY === true,
  columns: process.stderr.columns ?? 80,
  now: () => performance.now(),
});

/** `building kubectl … 1 min 15 s (12 of 40 MiB)` */
export function progressLine(label: string, elapsed: number, detail: string): string {
  return `${label} … ${seconds(elapsed)}${detail === '' ? '' : ` (${detail})`}`;
}

/** `0.4 s`, `12 s`, `4 min 07 s`. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 9_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const whole = Math.round(milliseconds / 1000);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
