/** An external API on 127.0.0.1 that is up or down, and counts what reaches it. */
export interface SwitchedApi {
  readonly url: string;
  readonly origin: string;
  /** What it answers from now on; 200 at first. */
  answer(status: number, headers?: Readonly<Record<string, string>>): void;
  /** How long a call takes from now on. */
  takeMs(ms: number): void;
  readonly calls: readonly SeenCall[];
  /** Calls that are being answered at this moment, and the most there ever were. */
  running(): number;
  runningMax(): number;
  forget(): void;
  stop(): Promise<void>;
}

export interface SeenCall {
  /** The task, by its Idempotency-Key. */
  readonly key: string;
  readonly atMs: number;
  readonly status: number;
}

export function startSwitchedApi(): SwitchedApi {
  const calls: SeenCall[] = [];
  const now = {
    status: 200,
    headers: {} as Readonly<Record<string, string>>,
    ms: 0,
    running: 0,
    runningMax: 0,
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { status, headers, ms } = now;
      calls.push({ key: request.headers.get("idempotency-key") ?? "", atMs: performance.now(), status });
      now.running += 1;
      now.runningMax = Math.max(now.runningMax, now.running);
      if (ms > 0) await Bun.sleep(ms);
      now.running -= 1;
      return new Response("{}", { status, headers });
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  return {
    origin,
    url: `${origin}/`,
    answer: (status, headers = {}) => void Object.assign(now, { status, headers }),
    takeMs: (ms) => void Object.assign(now, { ms }),
    calls,
    running: () => now.running,
    runningMax: () => now.runningMax,
    forget: () => {
      calls.length = 0;
      now.runningMax = now.running;
    },
    stop: () => server.stop(true),
  };
}
