import { ApiError } from "./errors.ts";
import { expectShape, isDeadLetterDetail, isDeadLetters, isRedriveAnswer } from "./shapes.ts";
import type { CallOptions, Transport } from "./transport.ts";
import type {
  DeadLetterDetail,
  DeadLetterFilter,
  DeadLetterPage,
  RedriveAnswer,
  RedriveRequest,
} from "./types.ts";

/** Tasks that failed for good, until somebody brings them back or takes them off the list. */
export class DeadLettersClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  async list(filter: DeadLetterFilter = {}, options: CallOptions = {}): Promise<DeadLetterPage> {
    const call = {
      method: "GET",
      path: "/api/dlq",
      query: { ...filter },
      isRepeatable: true,
      ...options,
    } as const;
    return expectShape(await this.#transport.call(call), isDeadLetters);
  }

  /** @throws ApiError NOT_FOUND when it is no dead letter (any more) */
  async get(taskId: string, options: CallOptions = {}): Promise<DeadLetterDetail> {
    const call = { method: "GET", path: letterPath(taskId), isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isDeadLetterDetail);
  }

  /**
   * Runs them again, with fresh attempts. Not repeated when its answer is lost: some may have died again by then, and
   * would get a further round that nobody asked for.
   */
  async redrive(request: RedriveRequest, options: CallOptions = {}): Promise<RedriveAnswer> {
    const call = {
      method: "POST",
      path: "/api/dlq/redrive",
      body: request,
      isRepeatable: false,
      ...options,
    } as const;
    return expectShape(await this.#transport.call(call), isRedriveAnswer);
  }

  /**
   * Takes it off the list; the task stays failed.
   * @throws ApiError NOT_FOUND
   */
  async discard(taskId: string, options: CallOptions = {}): Promise<void> {
    try {
      await this.#transport.call({
        method: "DELETE",
        path: letterPath(taskId),
        isRepeatable: true,
        ...options,
      });
    } catch (error) {
      // It is gone because a try whose answer was lost has discarded it.
      if (!(error instanceof ApiError && error.code === "NOT_FOUND" && error.mayHaveHappened)) throw error;
    }
  }
}

function letterPath(taskId: string): string {
  return `/api/dlq/${encodeURIComponent(taskId)}`;
}
