import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const SECRET = "a secret for the webhook";
const DEADLINE_MS = 60_000;

let stack: TaskStack;
let receiver: FakeExternalApi;
beforeAll(async () => {
  receiver = await startFakeExternalApi();
  stack = await startTaskStack({
    ALERT_WEBHOOK_URL: `${receiver.url}/hook`,
    ALERT_WEBHOOK_SECRET: SECRET,
    ALERT_RULES: [
      ...["dead_letters_rising.threshold=3", "dead_letters_rising.clear=2"],
      ...["error_rate.for=1", "error_rate.clear=2"],
      ...["queue_age.threshold=1", "queue_age.for=1", "queue_age.clear=1"],
      ...["breaker_open.clear=1"],
    ].join(","),
  });
}, 120_000);
afterAll(async () => {
  await stack?.close();
  await receiver?.stop();
});

interface Notice {
  readonly id: string;
  readonly state: string;
  readonly summary: string;
}

function notices(): readonly Notice[] {
  return receiver.requests.filter(({ path }) => path === "/hook").map(({ body }) => JSON.parse(body));
}

/** How often people were told that this alert fired, or was over. */
function told(id: string, state: "firing" | "resolved"): number {
  return notices().filter((notice) => notice.id === id && notice.state === state).length;
}

async function stateOf(id: string): Promise<string | undefined> {
  const { body } = await stack.call("GET", "/api/alerts");
  return body.items.find((alert: Notice) => alert.id === id)?.state;
}

async function untilState(id: string, state: "firing" | "resolved"): Promise<void> {
  const isSo = async () => (await stateOf(id).catch(() => undefined)) === state;
  await untilTrue(isSo, DEADLINE_MS, `${id} is ${state}`);
  await untilTrue(() => told(id, state) > 0, DEADLINE_MS, `the webhook hears that ${id} is ${state}`);
}

test("a stack that is well has no alert", async () => {
  await untilTrue(async () => (await stack.call("GET", "/api/stats")).status === 200, DEADLINE_MS);
  const { status, body } = await stack.call("GET", "/api/alerts");
  expect({ status, items: body.items }).toEqual({ status: 200, items: [] });
});

test.each(["recorder", "worker", "scheduler", "api", "postgres", "nats"])(
  "killing the %s raises its alert, once, and its return clears it",
  async (part) => {
    const id = `part_down:${part}`;
    process.kill(await stack.pidOf(part), "SIGKILL");
    await untilState(id, "firing");
    await untilState(id, "resolved");
    expect({ part, fired: told(id, "firing"), resolved: told(id, "resolved") }).toEqual({
      ...{ part, fired: 1, resolved: 1 },
    });
  },
  3 * DEADLINE_MS,
);
