/** A schedule or time zone that cannot be read. The message says where, what was found, and what to write instead. */
export class InvalidScheduleError extends Error {
  readonly code = 'InvalidSchedule';
  /** The field of the spec that is wrong. */
  readonly field: 'schedule' | 'timeZone';

  constructor(field: 'schedule' | 'timeZone', message: string) {
    super(message);
    this.name = 'InvalidScheduleError';
    this.field = field;
  }
}
