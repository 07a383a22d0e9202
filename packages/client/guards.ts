import type { BreakerInfo, LimitInfo, LimitWish, TaskWhy } from "./guard-types.ts";
import { expectShape, isObject } from "./shapes.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** The circuit breakers of hosts, for operators. */
export class BreakersClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<readonly BreakerInfo[]> {
    const call = { method: "GET", path: "/api/breakers", isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isBreakerList).items;
  }

  /** Stops calls to a host (`open`), lets them through (`close`), or lets the breaker judge by itself again (`reset`). */
  async steer(
    origin: string,
    what: "open" | "close" | "reset",
    { reason, ...options }: CallOptions & { readonly reason?: string | undefined } = {},
  ): Promise<BreakerInfo> {
    const path = `/api/breakers/${encodeURIComponent(origin)}/${what}`;
    const body = reason === undefined ? {} : { reason };
    return expectShape(
      await this.#transport.call({ method: "POST", path, body, isRepeatable: true, ...options }),
      isBreaker,
    );
  }
}

/** What hosts, task types and tenants are allowed, for operators. */
export class LimitsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<readonly LimitInfo[]> {
    const call = { method: "GET", path: "/api/limits", isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isLimitList).items;
  }

  /** Makes it, or replaces the one of the same scope and name. */
  async set(limit: LimitWish, options: CallOptions = {}): Promise<LimitInfo> {
    const call = { method: "PUT", path: "/api/limits", body: limit, isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isLimit);
  }

  /** @throws ApiError NOT_FOUND */
  async remove(scope: LimitWish["scope"], name: string, options: CallOptions = {}): Promise<void> {
    const path = `/api/limits/${scope}/${encodeURIComponent(name)}`;
    await this.#transport.call({ method: "DELETE", path, isRepeatable: false, ...options });
  }
}

export function isTaskWhy(value: unknown): value is TaskWhy {
  return isObject(value) && typeof value.reason === "string" && typeof value.summary === "string";
}

function isBreaker(value: unknown): value is BreakerInfo {
  return isObject(value) && typeof value.origin === "string" && typeof value.state === "string";
}

function isBreakerList(value: unknown): value is { readonly items: readonly BreakerInfo[] } {
  return isObject(value) && Array.isArray(value.items) && value.items.every(isBreaker);
}

function isLimit(value: unknown): value is LimitInfo {
  return isObject(value) && typeof value.scope === "string" && typeof value.name === "string";
}

function isLimitList(value: unknown): value is { readonly items: readonly LimitInfo[] } {
  return isObject(value) && Array.isArray(value.items) && value.items.every(isLimit);
}
