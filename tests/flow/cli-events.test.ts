import { beforeAll, describe, expect, test } from "bun:test";
import type { StoredEvent } from "@millrace/client";
import { type CliRun, runCli, type StartedCli, startCli } from "../support/run-cli.ts";
import { type RunningStack, startStack } from "../support/running-stack.ts";
import { eventually } from "../support/stack-under-test.ts";

/** Somebody at a terminal sends events, watches them come in, finds and counts them, and checks the ledger. */
let stack: RunningStack;

beforeAll(async () => {
  stack = await startStack();
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: stack.home } });
}

function piped(stdin: string, ...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: stack.home }, stdin });
}

async function found(...args: readonly string[]): Promise<readonly StoredEvent[]> {
  const { status, stdout, stderr } = await millrace("events", "query", ...args, "--json");
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout).items;
}

describe("send", () => {
  test("takes one event by its words, and it can be queried once it is stored", async () => {
    const words = ["--type", "deploy", "--message", "v12 is out", "--level", "warn", "--source", "ci"];
    const { status, stdout } = await millrace("events", "send", ...words, "--wait");
    expect(stdout).toMatch(/^1 stored, 0 rejected; receipt \S+\n$/);
    expect(status).toBe(0);
    const { stdout: line } = await millrace("events", "query", "--type", "deploy");
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z WARN {2}ci deploy v12 is out\n$/);
  });

  test("takes lines from standard input, and names the lines that are refused", async () => {
    const lines = [
      '{"type":"piped","message":"one"}',
      "",
      "not json",
      '{"type":"piped","message":"two"}',
      '{"type":7}',
    ];
    const { status, stdout, stderr } = await piped(lines.join("\n"), "events", "send", "--wait");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^2 stored, 2 rejected/);
    expect(stderr).toMatch(/^line 3: BAD_JSON: /m);
    expect(stderr).toMatch(/^line 5: VALIDATION_FAILED: type must be a string/m);
    expect((await found("--type", "piped")).map(({ message }) => message).sort()).toEqual(["one", "two"]);
  });

  test("under the same key twice takes nothing twice", async () => {
    const input = Array.from({ length: 50 }, (_, n) => `{"type":"keyed","message":"${n}"}`).join("\n");
    for (let time = 1; time <= 2; time += 1)
      expect((await piped(input, "events", "send", "--key", "import-7", "--wait")).status).toBe(0);
    expect(await found("--type", "keyed", "--limit", "200")).toHaveLength(50);
  });

  test("of nothing, or of half an event, ends with 2", async () => {
    expect(await piped("\n \n", "events", "send")).toMatchObject({ status: 2, stdout: "" });
    expect((await millrace("events", "send", "--type", "t")).stderr).toContain("--type and --message");
    expect((await millrace("events", "send", "--level", "info", "{}")).status).toBe(2);
  });

  test("says in JSON what became of the lines, and a receipt that can be asked for", async () => {
    const sent = await millrace("events", "send", '{"type":"json","message":"a"}', "{}", "--json");
    const answer = JSON.parse(sent.stdout);
    expect(answer).toMatchObject({ accepted: 1, rejected: [{ line: 2 }], rejected_total: 1 });
    const { stdout, status } = await millrace("events", "receipt", answer.receipt, "--wait");
    expect({ stdout, status }).toEqual({ stdout: "stored: 1 of 1 can be queried\n", status: 0 });
    expect((await millrace("events", "receipt", "nonsense")).status).toBe(1);
  });
});

describe("query", () => {
  test("filters by kind, text and time, and goes on by cursor", async () => {
    const at = (minute: number) => new Date(Date.UTC(2025, 5, 1, 12, minute)).toISOString();
    const lines = Array.from({ length: 6 }, (_, n) =>
      JSON.stringify({
        ...{ type: "timed", message: n % 2 === 0 ? `Even ${n}` : `odd ${n}`, timestamp: at(n) },
        level: n === 5 ? "error" : "info",
      }),
    );
    await piped(lines.join("\n"), "events", "send", "--wait");
    const messages = async (...args: readonly string[]) =>
      (await found("--type", "timed", ...args)).map(({ message }) => message);
    expect(await messages("--q", "even")).toEqual(["Even 4", "Even 2", "Even 0"]);
    expect(await messages("--from", at(1), "--to", at(3))).toEqual(["Even 2", "odd 1"]);
    expect(await messages("--level", "error")).toEqual(["odd 5"]);
    expect(await messages("--from", "1d")).toEqual([]);
    const { stdout } = await millrace("events", "query", "--type", "timed", "--limit", "4");
    const cursor = /^older ones: --cursor (\S+)$/m.exec(stdout)?.[1] ?? "";
    expect(await messages("--limit", "4", "--cursor", cursor)).toEqual(["odd 1", "Even 0"]);
  });

  test("without a hit says so", async () => {
    expect((await millrace("events", "query", "--type", "never")).stdout).toBe("no such event\n");
  });

  test("lets no event write on the terminal but in its own line", async () => {
    const message = "\u001b[2Jwiped\nand a second line";
    await millrace("events", "send", "--type", "rude", "--message", message, "--wait");
    const { stdout } = await millrace("events", "query", "--type", "rude");
    expect(stdout).not.toContain("\u001b");
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  });

  test("called wrongly ends with 2 and says how to call it", async () => {
    for (const args of [
      ["query", "--from", "yesterday"],
      ["query", "--limit", "0"],
      ["query", "--cursor", "x"],
      ["tail", "--limit", "none"],
      ["histogram", "--by", "message"],
      ["histogram", "--interval", "7s"],
      ["dig"],
    ])
      expect((await millrace("events", ...args)).status).toBe(2);
    expect((await millrace("events", "query", "--from", "yesterday")).stderr).toContain("15m");
  });
});

test("histogram draws bars, by kind when asked", async () => {
  const at = (hour: number) => new Date(Date.UTC(2025, 6, 1, hour)).toISOString();
  const lines = [1, 1, 1, 1, 3, 3].map((hour, n) =>
    JSON.stringify({ type: "drawn", message: "m", timestamp: at(hour), level: n === 0 ? "error" : "info" }),
  );
  await piped(lines.join("\n"), "events", "send", "--wait");
  const span = ["--from", at(0), "--to", at(5), "--interval", "1h", "--type", "drawn"];
  const { stdout } = await millrace("events", "histogram", ...span);
  expect(stdout).toMatch(/^2025-07-01T01:00Z +4 +█{40}$/m);
  expect(stdout).toMatch(/^2025-07-01T02:00Z +0 +-$/m);
  expect(stdout).toMatch(/^2025-07-01T03:00Z +2 +█{20}$/m);
  expect(stdout).toMatch(/^6 events$/m);
  const byLevel = await millrace("events", "histogram", ...span, "--by", "level");
  expect(byLevel.stdout).toMatch(/^START +EVENTS +INFO +ERROR/);
  expect(byLevel.stdout).toMatch(/^2025-07-01T01:00Z +4 +3 +1 +█/m);
});

describe("tail", () => {
  async function follow(...args: readonly string[]): Promise<StartedCli> {
    const tail = startCli(args, { env: { MILLRACE_HOME: stack.home } });
    await eventually("the tail is open", () => tail.complaints.some((line) => line.startsWith("waiting")));
    return tail;
  }

  test("shows what comes in and fits, and ends after its limit", async () => {
    const { lines, exited } = await follow("tail", "--type", "live", "--limit", "2");
    for (const [type, message] of [
      ["other", "0"],
      ["live", "1"],
      ["live", "2"],
    ] as const)
      await millrace("events", "send", "--type", type, "--message", message);
    expect(await exited).toBe(0);
    expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual([
      expect.stringMatching(/^INFO {2}.+ live 1$/),
      expect.stringMatching(/^INFO {2}.+ live 2$/),
    ]);
  });

  test("writes JSON lines when asked, and ends at Ctrl-C with 130", async () => {
    const { lines, interrupt, exited } = await follow("events", "tail", "--json", "--type", "lively");
    await millrace("events", "send", "--type", "lively", "--message", "m");
    await eventually("the event is shown", () => lines.length === 1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ type: "lively", message: "m" });
    interrupt();
    expect(await exited).toBe(130);
  });

  test("ends when nobody reads it any more", async () => {
    const tail = startCli(
      ["tail", "--type", "piped-away"],
      { env: { MILLRACE_HOME: stack.home } },
      "head -n 1",
    );
    let isOver = false;
    const over = tail.exited.then(() => {
      isOver = true;
    });
    await eventually("the pipe is done", async () => {
      await millrace("events", "send", "--type", "piped-away", "--message", "m");
      return isOver;
    });
    await over;
  });
});

test("the ledger is even, minute by minute, and says so", async () => {
  const { status, stdout } = await millrace("ledger", "--from", "1h");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^MINUTE +ACCEPTED +STORED/);
  expect(stdout).toMatch(/^even: /m);
  const [accepted, stored] = /^together +(\d+) +(\d+)/m.exec(stdout)?.slice(1).map(Number) ?? [];
  expect(stored).toBeGreaterThan(60);
  expect(accepted).toBeGreaterThanOrEqual(stored ?? 0);
  expect(JSON.parse((await millrace("ledger", "--json")).stdout)).toMatchObject({ is_even: true });
});
