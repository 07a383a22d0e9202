/** About 240 bytes of JSON, as services would write them: six types, eight sources, two levels. */
export interface BenchEvent {
  readonly timestamp: string;
  readonly type: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
  readonly attributes: {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly duration_ms: number;
    readonly user: string;
  };
}

export const LINES = 1_000;

const TYPES = ["http.request", "user.login", "order.placed", "cache.miss", "job.done", "mail.sent"] as const;

export function benchEvent(n: number, timeMs: number): BenchEvent {
  return {
    timestamp: new Date(timeMs).toISOString(),
    type: TYPES[n % TYPES.length] ?? TYPES[0],
    level: n % 50 === 0 ? "error" : "info",
    source: `service-${n % 8}`,
    message: `GET /products/${n} 200 in ${n % 97} ms`,
    attributes: { method: "GET", path: `/products/${n}`, status: 200, duration_ms: 12.5, user: `u-${n}` },
  };
}

/** The events of one request or message; `batch` tells them from those of others. */
export function benchBatch(batch: number): readonly BenchEvent[] {
  const timeMs = Date.now();
  return Array.from({ length: LINES }, (_, n) => benchEvent(batch * LINES + n, timeMs + n / 10));
}

export function asNdjson(events: readonly BenchEvent[]): Buffer {
  return Buffer.from(events.map((event) => JSON.stringify(event)).join("\n"));
}

/** `12 345 678`. */
export function perSecond(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}
