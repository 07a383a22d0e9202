import { beforeAll, describe, expect, test } from "bun:test";
import type { Page, Task } from "@millrace/client";
import { type CliRun, runCli, runCliUnread } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";
import { startStack } from "../support/stack-under-test.ts";

/** A person at a terminal sends tasks, looks at them, cancels and retries them. */
let home = "";

beforeAll(async () => {
  home = await tempHome();
  await (await startStack({ home })).ready();
}, 90_000);

function millrace(args: readonly string[], stdin = ""): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: home }, stdin });
}

async function taskOf(run: CliRun | Promise<CliRun>): Promise<Task> {
  return JSON.parse((await run).stdout);
}

describe("submit", () => {
  test("says the id, and the task is there", async () => {
    const { status, stdout } = await millrace(["submit", "simulate", "--id", "said", "--priority", "9"]);
    expect(status).toBe(0);
    expect(stdout).toStartWith("said is queued");
    expect(await taskOf(millrace(["get", "said", "--json"]))).toMatchObject({ task_id: "said", priority: 9 });
  });

  test("--dedup and --debounce name the task that holds the key; what goes with neither is refused", async () => {
    const keyed = ["submit", "simulate", "--delay", "600", "--dedup", "nightly"];
    expect((await millrace([...keyed, "--id", "holder"])).stdout).toStartWith(
      "holder is pending (scheduled)",
    );
    const again = await millrace([...keyed, "--dedup-window", "60"]);
    expect([again.status, again.stdout]).toEqual([
      0,
      expect.stringMatching(/^holder holds the key and is pending/),
    ]);
    const burst = ["submit", "simulate", "--debounce", "b", "--quiet", "60", "--max-wait", "90", "--json"];
    const first = await taskOf(millrace(burst));
    expect(first.debounce).toEqual({ key: "b", seconds: 60, max_wait_seconds: 90 });
    expect(await taskOf(millrace(burst))).toMatchObject({ task_id: first.task_id, deduplicated: true });
    for (const wrong of [
      ["--dedup-window", "5"],
      ["--quiet", "5"],
      ["--max-wait", "5"],
    ])
      expect((await millrace(["submit", "simulate", ...wrong])).status).toBe(2);
  });

  test("--wait ends with 0 and the result when the task completes", async () => {
    const args = [
      "submit",
      "simulate",
      "--payload",
      '{"failure_rate":0,"duration_ms":20}',
      "--wait",
      "--json",
    ];
    const run = await millrace(args);
    expect(run.status).toBe(0);
    expect(await taskOf(run)).toMatchObject({ status: "completed", result: { slept_ms: 20 } });
  });

  test("--wait ends with 1 and the error when the task fails", async () => {
    const payload = '{"failure_rate":1,"error":"out of paper"}';
    const run = await millrace(["submit", "simulate", "--payload", payload, "--attempts", "1", "--wait"]);
    expect(run.status).toBe(1);
    expect(run.stdout).toContain("SIMULATED_FAILURE: out of paper");
  });

  test("--wait ends with 1 when the task takes longer, and says that it goes on", async () => {
    const payload = '{"failure_rate":0,"duration_ms":5000}';
    const run = await millrace([
      "submit",
      "simulate",
      "--payload",
      payload,
      "--wait",
      "--wait-seconds",
      "0.2",
    ]);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain("it goes on");
  });

  test("takes the payload from standard input", async () => {
    const task = await taskOf(
      millrace(["submit", "simulate", "--payload", "-", "--json"], '{"duration_ms":7}'),
    );
    expect(task.payload).toEqual({ duration_ms: 7 });
  });

  test("twice under one id does it once; with other content it is refused", async () => {
    const submit = (payload: string) =>
      millrace(["submit", "simulate", "--id", "once", "--payload", payload]);
    expect((await submit('{"failure_rate":0}')).status).toBe(0);
    expect((await submit('{"failure_rate":0}')).status).toBe(0);
    const other = await submit('{"failure_rate":1}');
    expect(other.status).toBe(1);
    expect(other.stderr).toContain("TASK_ID_CONFLICT");
  });
});

describe("get", () => {
  test("--attempts shows each attempt with its error", async () => {
    const payload = '{"failure_rate":1,"error":"no ink"}';
    await millrace([
      "submit",
      "simulate",
      "--id",
      "tried",
      "--payload",
      payload,
      "--attempts",
      "1",
      "--wait",
    ]);
    const { stdout } = await millrace(["get", "tried", "--attempts"]);
    expect(stdout).toMatch(/ATTEMPT +STATUS/);
    expect(stdout).toMatch(/^1 +dead .*no ink$/m);
  });

  test("keeps control characters of a task from the terminal", async () => {
    const payload = '{"failure_rate":1,"error":"red \\u001b[31m alert"}';
    await millrace(["submit", "simulate", "--id", "red", "--payload", payload, "--attempts", "1", "--wait"]);
    const { stdout } = await millrace(["get", "red", "--attempts"]);
    expect(stdout).toContain("alert");
    expect(stdout).not.toContain("\u001b");
  });
});

describe("ls", () => {
  test("lists by status and type, newest first, as many as asked for", async () => {
    for (const id of ["ls-1", "ls-2", "ls-3"])
      await millrace(["submit", "simulate", "--id", id, "--delay", "600", "--priority", "2"]);
    const args = ["ls", "--status", "pending", "--type", "simulate", "--priority", "2", "--limit", "2"];
    const page: Page<Task> = JSON.parse((await millrace([...args, "--json"])).stdout);
    expect(page.items.map((task) => task.task_id)).toEqual(["ls-3", "ls-2"]);
    const { stdout } = await millrace(args);
    expect(stdout).toMatch(/^ls-3 +simulate +pending \(scheduled\) +2 /m);
    expect(stdout).toContain(`--cursor ${page.next_cursor}`);
  });
});

describe("cancel and retry", () => {
  test("end a task that waits, and bring it back", async () => {
    await millrace([
      "submit",
      "simulate",
      "--id",
      "wait",
      "--delay",
      "600",
      "--payload",
      '{"failure_rate":0}',
    ]);
    expect((await millrace(["cancel", "wait"])).stdout).toBe("wait is cancelled\n");
    expect(await taskOf(millrace(["get", "wait", "--json"]))).toMatchObject({ status: "cancelled" });
    expect((await millrace(["retry", "wait"])).status).toBe(0);
    expect(await taskOf(millrace(["get", "wait", "--json"]))).not.toMatchObject({ status: "cancelled" });
  });

  test("of a completed task are refused with 1", async () => {
    await millrace(["submit", "simulate", "--id", "over", "--payload", '{"failure_rate":0}', "--wait"]);
    for (const action of ["cancel", "retry"]) {
      const { status, stderr } = await millrace([action, "over"]);
      expect(status).toBe(1);
      expect(stderr).toContain("TASK_STATE_CONFLICT");
    }
  });
});

describe("refusals", () => {
  test("of a wrong call end with 2 and say how to call it", async () => {
    const calls = [
      ["submit"],
      ["submit", "simulate", "--prioritty", "1"],
      ["submit", "simulate", "--priority", "high"],
      ["submit", "simulate", "--payload", "{a"],
      ["submit", "simulate", "--payload", "@/no/such/file.json"],
      ["submit", "simulate", "--lane", "fast"],
      ["get"],
      ["get", "one", "two"],
      ["ls", "--status", "done"],
      ["nonsense"],
    ];
    for (const args of calls) {
      const run = await millrace(args);
      expect([args.join(" "), run.status, run.stdout]).toEqual([args.join(" "), 2, ""]);
      expect(run.stderr).not.toBe("");
    }
  });

  test("of input that the API finds wrong end with 2 and name the field", async () => {
    const { status, stderr } = await millrace(["submit", "simulate", "--priority", "11"]);
    expect(status).toBe(2);
    expect(stderr).toContain("/priority");
  });

  test("of a task that is not there end with 1", async () => {
    const { status, stderr } = await millrace(["get", "nobody"]);
    expect(status).toBe(1);
    expect(stderr).toContain("NOT_FOUND");
  });

  test("of a wrong key end with 4 and do not show it", async () => {
    const env = { MILLRACE_HOME: home, MILLRACE_API_KEY: "a-wrong-key-0123456789" };
    const { status, stderr } = await runCli(["ls"], { env });
    expect(status).toBe(4);
    expect(stderr).toContain("MILLRACE_API_KEY");
    expect(stderr).not.toContain("a-wrong-key");
  });
});

test("a reader that leaves early is no error", async () => {
  const { status, stderr } = await runCliUnread(["ls", "--limit", "1000", "--json"], { MILLRACE_HOME: home });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
