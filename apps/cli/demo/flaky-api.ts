import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { simulatedFailure } from "@millrace/core";

/** How often the API misbehaves, of all calls. They exclude each other in this order. */
const REFUSED_RATE = 0.15;
const BUSY_RATE = 0.04;
const CUT_RATE = 0.08;
const BODY_BYTES_MAX = 10_000;
/** What "Retry-After: 1" asks for. */
const BUSY_S = 1;

type Mood = "refuse" | "busy" | "cut" | "answer";

/** A payment service as one meets them. It charges each Idempotency-Key once, and keeps books that can be looked at. */
export interface FlakyApi {
  readonly chargeUrl: string;
  /** Idempotency-Key → amount charged. */
  readonly charges: ReadonlyMap<string, number>;
  /** Idempotency-Key → calls. */
  readonly calls: ReadonlyMap<string, number>;
  /** Charges whose answer was lost: the connection broke after the money had moved. */
  readonly lostAnswers: () => number;
  /** Calls that came sooner than Retry-After allowed. */
  readonly hastyCalls: () => number;
  /** Calls without a key: charging them once could not be promised. */
  readonly callsWithoutKey: () => number;
  stop(): Promise<void>;
}

/** How the n-th call of a key is treated: a function of the seed, so that it can be foretold. */
export function moodOf(seed: string, key: string, call: number): Mood {
  const rolls = (what: string, failureRate: number) =>
    simulatedFailure({ seed: `${seed}-${what}`, taskId: key, attempt: call, failureRate });
  if (rolls("refuse", REFUSED_RATE)) return "refuse";
  if (rolls("busy", BUSY_RATE)) return "busy";
  return rolls("cut", CUT_RATE) ? "cut" : "answer";
}

export async function startFlakyApi(seed: string): Promise<FlakyApi> {
  const books = new Books(seed);
  const server = createServer((request, response) => {
    serve(books, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the API listens on no port");
  return {
    chargeUrl: `http://127.0.0.1:${address.port}/charges`,
    charges: books.charges,
    calls: books.calls,
    lostAnswers: () => books.lostAnswers,
    hastyCalls: () => books.hastyCalls,
    callsWithoutKey: () => books.callsWithoutKey,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Books {
  readonly charges = new Map<string, number>();
  readonly calls = new Map<string, number>();
  lostAnswers = 0;
  hastyCalls = 0;
  callsWithoutKey = 0;
  readonly #seed: string;
  readonly #notBeforeMs = new Map<string, number>();

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** One call comes in. Whatever becomes of the answer, a charge that is in the books stays there. */
  take(key: string, amount: number): Mood {
    const call = (this.calls.get(key) ?? 0) + 1;
    this.calls.set(key, call);
    const nowMs = performance.now();
    if (nowMs < (this.#notBeforeMs.get(key) ?? 0)) this.hastyCalls += 1;
    const mood = moodOf(this.#seed, key, call);
    if (mood === "busy") this.#notBeforeMs.set(key, nowMs + BUSY_S * 1_000 - 20); // Clocks are not that exact.
    if (mood === "refuse" || mood === "busy") return mood;
    if (mood === "cut") this.lostAnswers += 1;
    if (!this.charges.has(key)) this.charges.set(key, amount);
    return mood;
  }
}

async function serve(books: Books, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: unknown = JSON.parse(await textOf(request));
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string") {
    books.callsWithoutKey += 1;
    return answer(response, 400, { error: "an Idempotency-Key is required" });
  }
  const amount = typeof body === "object" && body !== null && "amount" in body ? Number(body.amount) : 0;
  switch (books.take(key, amount)) {
    case "refuse":
      return answer(response, 503, { error: "not now" });
    case "busy":
      response.setHeader("retry-after", String(BUSY_S));
      return answer(response, 429, { error: "too many" });
    case "cut":
      return void response.socket?.destroy();
    case "answer":
      return answer(response, 200, { charged: books.charges.get(key) ?? 0 });
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) throw new Error("the body is too long");
  }
  return text;
}
