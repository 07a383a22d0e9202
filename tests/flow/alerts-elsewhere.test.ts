// On a disk: it knows how full one is.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { type Client, createClient } from "@millrace/client";
import { diskSpaceOf } from "@millrace/observe";
import { type AlertStack, startAlertStack } from "../support/alert-stack.ts";
import { untilTrue } from "../support/running-stack.ts";

/** Alerts about what is not in our own processes: the books, the disks, the workers of others. */
const DEADLINE_MS = 180_000;
/** Of the disk on which the tests run; half of it is a threshold that it has passed. */
const { sizeBytes = 1, availableBytes = 1 } = diskSpaceOf(tmpdir()) ?? {};
const THRESHOLD = Math.max(0.001, Math.floor((1 - availableBytes / sizeBytes) * 500) / 1_000);

let stack: AlertStack;
let client: Client;
beforeAll(async () => {
  stack = await startAlertStack(
    [
      ...[`disk_nearly_full.threshold=${THRESHOLD}`, `disk_nearly_full.resolve=${THRESHOLD}`],
      ...["disk_nearly_full.for=1", "disk_nearly_full.clear=1"],
      ...["error_rate.for=1", "error_rate.clear=1"],
    ],
    { HEARTBEAT_INTERVAL: "1" },
  );
  client = createClient({ baseUrl: stack.apiUrl, apiKey: stack.apiKey });
}, 120_000);
afterAll(() => stack?.close());

function expectToldOnce(id: string): void {
  expect({ id, fired: stack.told(id, "firing"), resolved: stack.told(id, "resolved") }).toEqual({
    ...{ id, fired: 1, resolved: 1 },
  });
}

test(
  "a page that is torn out of the ledger raises its alert, and its return clears it",
  async () => {
    for (let request = 0; request < 3; request++)
      await stack.call("POST", "/api/events", [{ type: "ledger.test", message: `${request}` }]);
    const rows = () => stack.sql`select * from event_batches where events > 0 order by ordinal`;
    await untilTrue(async () => (await rows()).length === 3, 30_000, "three messages are recorded");
    // As if they had been recorded a while ago: what came a moment ago may still be filled in.
    await stack.sql`update event_batches set recorded_at = recorded_at - interval '2 minutes'`;
    const [, torn] = await rows();
    if (torn === undefined) throw new Error("the ledger lacks a row");
    await stack.sql`delete from event_batches where instance = ${torn.instance} and ordinal = ${torn.ordinal}`;
    await stack.untilAlert("ledger_uneven", "firing");
    const { body } = await stack.call("GET", "/api/ledger");
    expect(body).toMatchObject({ is_even: false, lost_messages: 1 });
    await stack.sql`insert into event_batches ${stack.sql(torn)}`;
    await stack.untilAlert("ledger_uneven", "resolved");
    expectToldOnce("ledger_uneven");
  },
  DEADLINE_MS,
);

test(
  "a disk that is fuller than the rule allows is told of: that of the servers, and that of each worker",
  async () => {
    await stack.untilAlert("disk_nearly_full:the servers", "firing");
    const { body } = await stack.call("GET", "/api/alerts");
    const own = body.items.find(({ id }: { id: string }) => id === "disk_nearly_full:the servers");
    expect(own.value).toBeGreaterThanOrEqual(THRESHOLD);
    const far = { worker_id: "far-away", capabilities: ["far"], max_concurrent_tasks: 1 };
    await client.workers.register({ ...far, heartbeat_interval: 60 });
    const beat = (disk_usage: number) =>
      client.workers.heartbeat("far-away", {
        ...{ status: "active", current_tasks: [] },
        system_info: { cpu_usage: 0, memory_usage: 0, disk_usage },
      });
    await beat(THRESHOLD + (1 - THRESHOLD) / 2);
    await stack.untilAlert("disk_nearly_full:far-away", "firing");
    await beat(THRESHOLD / 2);
    await stack.untilAlert("disk_nearly_full:far-away", "resolved");
    expectToldOnce("disk_nearly_full:far-away");
  },
  DEADLINE_MS,
);

test(
  "attempts that fail with workers over HTTP count, and those that they complete",
  async () => {
    const worker_id = "over-http";
    const type = "over.http";
    await client.workers.register({
      worker_id,
      capabilities: [type],
      max_concurrent_tasks: 50,
      heartbeat_interval: 60,
    });
    const end = async (count: number, isWell: boolean) => {
      await stack.submitAll(Array.from({ length: count }, () => ({ task_type: type, max_attempts: 1 })));
      for (let left = count; left > 0; ) {
        const { tasks } = await client.workers.lease(worker_id, { max_tasks: 50, wait_seconds: 20 });
        if (tasks.length === 0) throw new Error(`${left} tasks did not come`);
        left -= tasks.length;
        await Promise.all(
          tasks.map((task) =>
            isWell
              ? client.workers.complete(task, null)
              : client.workers.fail(task, { code: "OWN", message: "no", retryable: false }),
          ),
        );
      }
    };
    await end(30, false);
    await stack.untilAlert("error_rate", "firing");
    await end(100, true);
    await stack.untilAlert("error_rate", "resolved");
    expectToldOnce("error_rate");
  },
  DEADLINE_MS,
);
