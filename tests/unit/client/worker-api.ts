import type { Fetch } from "@millrace/client";

export interface SeenWord {
  /** `register`, `heartbeat`, `lease`, `complete` … or `remove`. */
  readonly word: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly body: any;
}

/** An API that knows one worker. It answers what the test says, and otherwise that all is well. */
export interface WorkerApi {
  readonly fetch: Fetch;
  readonly seen: readonly SeenWord[];
  of(word: string): readonly SeenWord["body"][];
  /** The n-th word of its kind, from 1, once it has come. */
  until(word: string, n?: number): Promise<SeenWord["body"]>;
  /** Leased by whoever asks next, as far as it wants so many. */
  give(...taskIds: readonly string[]): void;
  /** The next answer to a word: a status with a body, or an error of the connection. */
  answer(word: string, ...answers: readonly (readonly [status: number, body: unknown] | Error)[]): void;
}

export const BEAT_S = 0.05;
const DEADLINE_MS = 30_000;

export function problem(status: number, code: string): readonly [number, unknown] {
  return [
    status,
    { type: `/problems#${code}`, title: code, status, code, detail: "no", correlation_id: "c" },
  ];
}

export function workerApi(): WorkerApi {
  const seen: SeenWord[] = [];
  const waiting: string[] = [];
  const scripts = new Map<string, (readonly [number, unknown] | Error)[]>();
  let wake: () => void = () => {};
  const lease = async (wanted: number, signal: AbortSignal | null | undefined) => {
    const stop = Promise.withResolvers<never>();
    stop.promise.catch(() => {}); // Nobody may be waiting any more.
    signal?.addEventListener("abort", () => stop.reject(signal.reason));
    while (waiting.length === 0) {
      const given = Promise.withResolvers<void>();
      wake = given.resolve;
      await Promise.race([given.promise, stop.promise]);
    }
    return { tasks: waiting.splice(0, wanted).map(taskOf), drain: false, cancelled: [] };
  };
  const answerTo = async (
    { word, body }: SeenWord,
    signal: AbortSignal | null | undefined,
  ): Promise<unknown> => {
    switch (word) {
      case "register":
        return { worker_id: body.worker_id, session: "w~1", heartbeat_interval: BEAT_S, lease_seconds: 30 };
      case "lease":
        return await lease(body.max_tasks, signal);
      case "progress":
        return { task_id: "t", lease_expires_at: "2026-01-15T12:00:00Z", cancelled: false };
      case "heartbeat":
        return { drain: false, cancelled: [] };
      default:
        return { task_id: "t", attempt: 1, outcome: "completed", retry_at: null };
    }
  };
  const api: WorkerApi = {
    seen,
    of: (word) => seen.filter((one) => one.word === word).map(({ body }) => body),
    until: async (word, n = 1) => {
      await untilSo(() => api.of(word).length >= n, `${word} comes ${n} times`);
      return api.of(word)[n - 1];
    },
    give: (...taskIds) => {
      waiting.push(...taskIds);
      wake();
    },
    answer: (word, ...answers) => void scripts.set(word, [...(scripts.get(word) ?? []), ...answers]),
    fetch: async (url, init) => {
      const word = init.method === "DELETE" ? "remove" : (new URL(url).pathname.split("/").at(-1) ?? "");
      const one: SeenWord = { word, body: typeof init.body === "string" ? JSON.parse(init.body) : undefined };
      seen.push(one);
      const scripted = scripts.get(word)?.shift();
      if (scripted instanceof Error) throw scripted;
      const [status, body] = scripted ?? [200, await answerTo(one, init.signal)];
      return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
    },
  };
  return api;
}

export async function untilSo(isSo: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`it did not happen that ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function taskOf(taskId: string) {
  return {
    ...{
      task_id: taskId,
      task_type: "render",
      payload: { id: taskId },
      attempt: 1,
      max_attempts: 3,
      priority: 5,
    },
    ...{
      timeout: 60,
      correlation_id: "c",
      lease_token: `token-${taskId}`,
      lease_expires_at: "2026-01-15T12:00:00Z",
    },
  };
}
