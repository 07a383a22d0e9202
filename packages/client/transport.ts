import { CALL_TIMEOUT_MS } from "./bounds.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { ApiError, UnreachableError } from "./errors.ts";
import { parseAnswer, problemOf, readText } from "./read-response.ts";
import { retryAfterMs, retryWaitMs, type TryFailure } from "./retry.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Given as it is, or asked for before each try, so that a token that expires can be renewed. */
export type Credential = string | (() => string | Promise<string>);

export interface TransportOptions {
  /** Where the API is: `http://127.0.0.1:8000`. A path before `/api` is kept. */
  readonly baseUrl: string;
  readonly credential: Credential | undefined;
  readonly fetch?: Fetch | undefined;
  /** Of one try. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

export interface CallOptions {
  /** Ends the call, its waits and its further tries. */
  readonly signal?: AbortSignal | undefined;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Call extends CallOptions {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base URL: `/api/tasks`. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`; `headers` say what it is. */
  readonly content?: string | Uint8Array<ArrayBuffer> | FormData | ReadableStream<Uint8Array> | undefined;
  /** Of one try of this call, where the client's own is too short. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** True: doing it twice is the same as doing it once, so that a lost answer may be asked for again. */
  readonly isRepeatable: boolean;
  /** Statuses other than 2xx that are an answer, too. */
  readonly alsoAnswers?: readonly number[];
}

export interface Reply {
  readonly status: number;
  /** Parsed JSON; null when there is no body. */
  readonly body: unknown;
}

interface Failed {
  readonly failure: TryFailure;
  readonly error: ApiError | UnreachableError;
}

/** One HTTP call with what belongs to it: identity, time-out, bounded tries, errors that say what happened. */
export class Transport {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** The API is on this machine, as far as its URL tells. */
  readonly isNear: boolean;
  readonly #baseUrl: string;
  readonly #options: TransportOptions;

  /** @throws TypeError when the base URL is none */
  constructor(options: TransportOptions) {
    this.#baseUrl = parseBaseUrl(options.baseUrl);
    this.isNear = NEAR.has(new URL(this.#baseUrl).hostname);
    this.clock = options.clock ?? SYSTEM_CLOCK;
    this.random = options.random ?? Math.random;
    this.#options = options;
  }

  /** @throws ApiError, UnreachableError, or the signal's reason */
  async call(call: Call): Promise<Reply> {
    const { random } = this;
    let mayHaveHappened = false;
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#tryOnce(call, mayHaveHappened);
      if (!("failure" in outcome)) return outcome;
      const { failure, error } = outcome;
      const waitMs = retryWaitMs({ failure, tries, isRepeatable: call.isRepeatable, random });
      if (waitMs === null) throw error;
      mayHaveHappened ||= failure.kind === "refused" || failure.wasSent;
      await this.clock.sleep(waitMs, call.signal);
    }
  }

  /**
   * One try of a call whose answer goes on for as long as its reader wants: here is its head, with a body that is left to
   * the caller. The time-out is for the head alone; `signal` ends the body, too.
   * @throws ApiError, UnreachableError, or the signal's reason
   */
  async open(call: Call): Promise<Response> {
    call.signal?.throwIfAborted();
    const { timeoutMs = call.timeoutMs ?? CALL_TIMEOUT_MS } = this.#options;
    const untilHead = new AbortController();
    const giveUp = () => untilHead.abort(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(giveUp, timeoutMs);
    try {
      const { url, init } = await this.#request(call, untilHead.signal);
      const response = await (this.#options.fetch ?? fetch)(url, init);
      if (response.ok) return response;
      throw this.#refusal(response, await readText(response), false);
    } catch (cause) {
      call.signal?.throwIfAborted();
      throw cause instanceof ApiError ? cause : this.unreachable(cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async #tryOnce(call: Call, mayHaveHappened: boolean): Promise<Reply | Failed> {
    call.signal?.throwIfAborted();
    const { timeoutMs = call.timeoutMs ?? CALL_TIMEOUT_MS } = this.#options;
    const request = await this.#request(call, AbortSignal.timeout(timeoutMs));
    let response: Response;
    let text: string;
    try {
      response = await (this.#options.fetch ?? fetch)(request.url, request.init);
      text = await readText(response);
    } catch (cause) {
      call.signal?.throwIfAborted();
      return this.#noAnswer(cause);
    }
    const { status } = response;
    if (response.ok || call.alsoAnswers?.includes(status))
      return { status, body: parseAnswer(response, text) };
    const error = this.#refusal(response, text, mayHaveHappened);
    const { code, retryAfterMs: afterMs } = error;
    return { failure: { kind: "refused", status, code, retryAfterMs: afterMs }, error };
  }

  #refusal(response: Response, text: string, mayHaveHappened: boolean): ApiError {
    const afterMs = retryAfterMs(response.headers.get("retry-after"), this.clock.nowMs());
    return new ApiError({ ...problemOf(response, text), retryAfterMs: afterMs, mayHaveHappened });
  }

  async #request(call: Call, timeout: AbortSignal): Promise<{ url: string; init: RequestInit }> {
    const { credential } = this.#options;
    const headers: Record<string, string> = {
      Accept: "application/json, application/problem+json",
      ...call.headers,
    };
    if (credential !== undefined)
      headers.Authorization = `Bearer ${typeof credential === "string" ? credential : await credential()}`;
    const init: RequestInit = {
      method: call.method,
      headers,
      // A redirect would carry the task, and perhaps the key, to somewhere that nobody named.
      redirect: "manual",
      signal: call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]),
    };
    if (call.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(call.body);
    } else if (call.content !== undefined) {
      init.body = call.content;
      // Node asks for it, since a stream is sent before the answer comes.
      if (call.content instanceof ReadableStream) Object.assign(init, { duplex: "half" });
    }
    return { url: `${this.#baseUrl}${call.path}${queryText(call.query ?? {})}`, init };
  }

  #noAnswer(cause: unknown): Failed {
    const failure = { kind: "unreachable", wasSent: !isNeverSent(cause) } as const;
    return { failure, error: this.unreachable(cause) };
  }

  unreachable(cause: unknown): UnreachableError {
    return new UnreachableError(this.#baseUrl, reasonOf(cause), cause);
  }
}

/** Failures before the first byte left: by the code that Bun sets on the error, and Node on its cause. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ConnectionRefused", "ENOTFOUND", "EAI_AGAIN"]);

const NEAR = new Set(["127.0.0.1", "localhost", "[::1]"]);

function isNeverSent(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return ("code" in cause && NEVER_SENT.has(String(cause.code))) || isNeverSent(cause.cause);
}

/** Bun's messages name the code and then guess; the code says enough. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

function parseBaseUrl(given: string): string {
  const url = URL.parse(given);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new TypeError("baseUrl must be an http or https URL, such as http://127.0.0.1:8000");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
