import type { QueueSteered, Queues } from "./schedule-types.ts";
import { expectShape, isObject } from "./shapes.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** The queues, and what may not start in them. Pausing and resuming is for operators. */
export class QueuesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<Queues> {
    const call = { method: "GET", path: "/api/queues", isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isQueues);
  }

  /**
   * Nothing new of the lane or task type starts once it resolves, but on workers that it names; what runs goes on.
   * @throws ApiError FORBIDDEN, LIMIT_REACHED
   */
  async pause(name: string, reason?: string, options: CallOptions = {}): Promise<QueueSteered> {
    const body = reason === undefined ? {} : { reason };
    const path = `/api/queues/${encodeURIComponent(name)}/pause`;
    const call = { method: "POST", path, body, isRepeatable: true, ...options } as const;
    return steeredOf(await this.#transport.call(call));
  }

  async resume(name: string, options: CallOptions = {}): Promise<QueueSteered> {
    const path = `/api/queues/${encodeURIComponent(name)}/resume`;
    const call = { method: "POST", path, isRepeatable: true, ...options } as const;
    return steeredOf(await this.#transport.call(call));
  }
}

/** An api of an earlier version waits for nobody, and names nobody. */
function steeredOf(value: unknown): QueueSteered {
  const pending = isObject(value) && Array.isArray(value.pending) ? value.pending.map(String) : [];
  return { pending };
}

function isQueues(value: unknown): value is Queues {
  return isObject(value) && Array.isArray(value.items) && Array.isArray(value.paused);
}
