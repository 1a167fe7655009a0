export type QueryValue = string | number | boolean | undefined;

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Already escaped, with its leading slash. */
  path: string;
  /** What is undefined is left out. */
  query?: Record<string, QueryValue>;
  /** Is sent as JSON. */
  body?: unknown;
  /** `application/json` where there is a body and nothing else is said. */
  contentType?: string;
  signal?: AbortSignal;
  /** For a request, its whole duration with all repetitions (30 s); for a stream, the longest silence in it (none). */
  timeoutMs?: number;
  /** Bytes of the longest answer that is taken; any where it is left out. */
  longestAnswer?: number;
  /** Reads the answer; JSON.parse where it is left out. */
  parse?: (text: string) => unknown;
}

export interface ApiResponse {
  /** 2xx. */
  status: number;
  body: unknown;
}

/** A way to one API server, with its address and credentials. */
export interface Connection {
  /**
   * @throws {ApiError} for every status but 2xx
   * @throws {ConnectionError} where no whole answer came in time
   * @throws {AnswerTooLongError} where it is longer than `longestAnswer`
   * @throws the signal's reason where that was aborted
   */
  request(request: ApiRequest): Promise<ApiResponse>;

  /** The answer's lines, each parsed as JSON, as they come. It ends when the server ends it. It throws as `request` does. */
  stream(request: ApiRequest): AsyncIterable<unknown>;

  /** Destroys every socket: the last thing that a process does with it. */
  close(): void;
}
