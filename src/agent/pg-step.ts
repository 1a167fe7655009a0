import type { PostgresAddress } from './pg-connection.ts';
import type { StepAgent } from './step.ts';

/** A step of a Task that has to do with PostgreSQL. */
export interface PgAgent extends StepAgent {
  /** The session, by name. */
  session: string;
  /** The host that the snapshots are of. */
  hostname: string;
  /** One database; empty for all of the server. */
  database: string;
  address: PostgresAddress;
  /** Where what was done is told the step that reports it. */
  outputDirectory: string;
}
