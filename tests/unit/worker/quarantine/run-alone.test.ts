import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ALONE_LOG_BYTES_MAX } from "@millrace/core/limits";
import { type AloneEnd, runAlone } from "@millrace/worker/quarantine/run-alone";
import { AttemptAborted } from "@millrace/worker/run-attempt";
import { startFakeExternalApi } from "../../../support/fake-external-api.ts";
import { untilTrue } from "../../../support/running-stack.ts";

const MODULE = join(import.meta.dirname, "../../../support/deadly-task-type.ts");
const HTTP_REQUEST = join(import.meta.dirname, "../../../../apps/worker/tasks/http-request.ts");
const TIMEOUT_MS = 30_000;

interface Wish {
  readonly timeoutMs?: number;
  readonly memoryBytesMax?: number;
  readonly signal?: AbortSignal;
  readonly modulePath?: string;
  readonly onProgress?: (progress: number, note: string | undefined) => void;
}

const run = (payload: string, wish: Wish = {}) =>
  runAlone({
    order: {
      ...{ kind: "run", modulePath: wish.modulePath ?? MODULE, taskType: "deadly", taskId: "t", attempt: 3 },
      ...{ payload, correlationId: "c", timeoutMs: wish.timeoutMs ?? TIMEOUT_MS },
      ports: { egress: { allowLoopback: false, allow: [], denyPorts: [] }, allowCrash: false },
    },
    signal: wish.signal ?? new AbortController().signal,
    memoryBytesMax: wish.memoryBytesMax ?? 2 ** 30,
    onProgress: wish.onProgress ?? (() => {}),
  });

const died = (how: string): AloneEnd => ({ kind: "died", how: expect.stringContaining(how) });

describe("what ends its process ends nothing else, and its last words are kept", () => {
  test("an exit, with whatever status", async () => {
    const { end, log } = await run("exit");
    expect(end).toEqual(died("exit status 3"));
    expect(log).toBe("about to exit\n");
    expect((await run("leave")).end).toEqual(died("exit status 0"));
  }, 60_000);

  test("a signal, with the line that it logged right before", async () => {
    const { end, log } = await run("kill");
    expect(end).toEqual(died("SIGKILL"));
    expect(JSON.parse(log)).toMatchObject({
      level: "WARNING",
      message: "about to kill",
      task_id: "t",
      attempt: 3,
    });
  }, 60_000);

  test("an error that nobody catches, with its stack", async () => {
    const { end, log } = await run("throw");
    expect(end).toEqual(died("exit status 1"));
    expect(log).toContain("thrown out of nowhere");
  }, 60_000);

  test("memory without end", async () => {
    const { end } = await run("memory", { memoryBytesMax: 300 * 2 ** 20 });
    expect(end).toEqual(died("more than 300 MiB"));
  }, 60_000);

  test("a loop that hears no abort, when its time is over", async () => {
    const startedMs = performance.now();
    expect((await run("loop", { timeoutMs: 500 })).end).toEqual(died("its 0.5 s were over"));
    expect(performance.now() - startedMs).toBeLessThan(TIMEOUT_MS);
  }, 60_000);

  test("of many words only the last are kept, from a line's beginning", async () => {
    const { end, log } = await run("chatter");
    expect(end).toEqual(died("SIGKILL"));
    expect(log.length).toBeLessThan(ALONE_LOG_BYTES_MAX + 200);
    const [first, second] = log.split("\n");
    expect(first).toContain("were dropped");
    expect(JSON.parse(second ?? "")).toMatchObject({ message: expect.stringMatching(/^line \d+ of many$/) });
    expect(JSON.parse(log.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      message: "line 19999 of many",
    });
  }, 60_000);
});

describe("what ends in order ends as anywhere else", () => {
  test("a success, with its result, progress and log", async () => {
    const told: unknown[] = [];
    const { end, log } = await run("complete", { onProgress: (...progress) => told.push(progress) });
    expect(end).toEqual({ kind: "ended", end: { kind: "completed", result: { taskId: "t", attempt: 3 } } });
    expect(told).toEqual([[0.5, "half"]]);
    expect(JSON.parse(log)).toMatchObject({ message: "all went well", step: 1 });
  }, 60_000);

  test("a failure", async () => {
    const error = { code: "BOOM", message: "no" };
    expect((await run("?")).end).toEqual({
      kind: "ended",
      end: { kind: "failed", error, isRetryable: true },
    });
  }, 60_000);

  test("a time-out that the event loop survives, whether the handler minds it or not", async () => {
    const timeout = { kind: "failed", error: { code: "TIMEOUT" }, isRetryable: true };
    for (const deed of ["wait", "hang"])
      expect((await run(deed, { timeoutMs: 300 })).end).toMatchObject({ kind: "ended", end: timeout });
  }, 60_000);

  test("words of the handler on our channel are not taken for ours", async () => {
    expect((await run("lie")).end).toMatchObject({ kind: "ended", end: { kind: "completed", result: null } });
  }, 60_000);
});

test.each(["cancelled", "drained"] as const)(
  "who is %s is stopped, even in a loop, and nobody is blamed",
  async (why) => {
    for (const deed of ["wait", "loop"]) {
      const abort = new AbortController();
      const running = run(deed, { signal: abort.signal });
      abort.abort(new AttemptAborted(why, "enough"));
      expect((await running).end).toEqual({ kind: "ended", end: { kind: "aborted", why } });
    }
  },
  60_000,
);

test("a type that cannot be loaded is nobody's death", async () => {
  const { end } = await run("complete", { modulePath: join(import.meta.dirname, "missing.ts") });
  expect(end).toMatchObject({ kind: "not_started", why: expect.stringContaining("missing.ts") });
}, 60_000);

test("a loop without end does not outlive the worker that started it", async () => {
  const worker = Bun.spawn(
    [process.execPath, join(import.meta.dirname, "../../../support/alone-parent.ts")],
    {
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const { value } = await worker.stdout.getReader().read();
  const { pid }: { pid: number } = JSON.parse(new TextDecoder().decode(value));
  expect(isThere(pid)).toBe(true);
  worker.kill("SIGKILL");
  await untilTrue(async () => !isThere(pid), 30_000, "the end of the process that it left");
}, 60_000);

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
test("what it calls goes on with the trace of its attempt", async () => {
  const external = await startFakeExternalApi();
  const traceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 shop=42";
  const { end } = await runAlone({
    order: {
      ...{ kind: "run", modulePath: HTTP_REQUEST, taskType: "http.request", taskId: "t", attempt: 3 },
      ...{ payload: { url: external.url }, correlationId: "c", timeoutMs: TIMEOUT_MS, traceContext },
      ports: { egress: { allowLoopback: true, allow: [], denyPorts: [] }, allowCrash: false },
    },
    signal: new AbortController().signal,
    memoryBytesMax: 2 ** 30,
    onProgress: () => {},
  });
  expect(end).toMatchObject({ kind: "ended", end: { kind: "completed" } });
  const [traceparent, tracestate] = traceContext.split(" ");
  expect(external.requests[0]?.headers).toMatchObject({ traceparent, tracestate });
  await external.stop();
}, 60_000);
