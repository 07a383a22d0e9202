import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { type AlertStack, startAlertStack, WEBHOOK_SECRET } from "../support/alert-stack.ts";

const DEADLINE_MS = 150_000;

let stack: AlertStack;
beforeAll(async () => {
  stack = await startAlertStack([]);
}, 120_000);
afterAll(() => stack?.close());

test("a stack that is well has no alert", async () => {
  const { status, body } = await stack.call("GET", "/api/alerts");
  expect({ status, items: body.items }).toEqual({ status: 200, items: [] });
});

test("plain users do not see how the system is", async () => {
  const token = await stack.signUp("alerts@example.test");
  const { status, body } = await stack.raw("GET", "/api/alerts", { token });
  expect({ status, code: body.code }).toEqual({ status: 403, code: "FORBIDDEN" });
  expect((await stack.raw("GET", "/api/alerts")).status).toBe(401);
});

// The other parts are killed in dashboard-kills, before an open page.
test(
  "killing the recorder raises its alert, once, and its return clears it",
  async () => {
    const id = "part_down:recorder";
    process.kill(await stack.pidOf("recorder"), "SIGKILL");
    await stack.untilAlert(id, "firing");
    await stack.untilAlert(id, "resolved");
    expect([stack.told(id, "firing"), stack.told(id, "resolved")]).toEqual([1, 1]);
  },
  DEADLINE_MS,
);

test("what the webhook gets is signed, and the log says the same", async () => {
  for (const { headers, body } of stack.receiver.requests) {
    const signed = `${headers["x-millrace-timestamp"]}.${body}`;
    const expected = createHmac("sha256", WEBHOOK_SECRET).update(signed).digest("hex");
    expect(headers["x-millrace-signature"]).toBe(`sha256=${expected}`);
  }
  const lines = await stack.logOf("scheduler");
  const about = lines.filter((line) => line.alert_id === "part_down:recorder");
  expect(about.map(({ level, state, alert }) => ({ level, state, alert }))).toEqual([
    { level: "ERROR", state: "firing", alert: "part_down" },
    { level: "INFO", state: "resolved", alert: "part_down" },
  ]);
});
