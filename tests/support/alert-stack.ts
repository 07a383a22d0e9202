import { type Bus, hearPulses } from "@millrace/bus";
import { PARTS } from "@millrace/core/alerts/part-watch";
import { type FakeExternalApi, startFakeExternalApi } from "./fake-external-api.ts";
import { untilTrue } from "./running-stack.ts";
import { startTaskStack, type TaskStack } from "./task-stack.ts";

const HOOK = "/hook";
const DEADLINE_MS = 60_000;
export const WEBHOOK_SECRET = "a secret for the webhook";

export interface AlertNotice {
  readonly id: string;
  readonly state: "firing" | "resolved";
  readonly summary: string;
}

/** The whole product, whose alerts go to a webhook that the test reads. */
export interface AlertStack extends TaskStack {
  /** How often people were told that this alert fired, or was over. */
  told(id: string, state: AlertNotice["state"]): number;
  /** Waits until GET /api/alerts and the webhook say so. */
  untilAlert(id: string, state: AlertNotice["state"]): Promise<void>;
  readonly receiver: FakeExternalApi;
  /** What told its processes so: for another process beside them. */
  readonly alertEnv: Readonly<Record<string, string>>;
}

/** Whoever has never been heard of is not missed until its start has had time. */
async function untilAllAreHeard(bus: Bus): Promise<void> {
  const heard = new Set<string>();
  const stop = hearPulses(bus, ({ name }) => void heard.add(name));
  await untilTrue(() => PARTS.every((part) => heard.has(part)), DEADLINE_MS, "every part is heard");
  stop();
}

export async function startAlertStack(
  rules: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<AlertStack> {
  const receiver = await startFakeExternalApi();
  const alertEnv = {
    ALERT_WEBHOOK_URL: `${receiver.url}${HOOK}`,
    ALERT_WEBHOOK_SECRET: WEBHOOK_SECRET,
    ALERT_RULES: rules.join(","),
  };
  const stack = await startTaskStack({ ...alertEnv, ...env });
  await untilAllAreHeard(stack.bus);
  const notices = (): readonly AlertNotice[] =>
    receiver.requests.filter(({ path }) => path === HOOK).map(({ body }) => JSON.parse(body));
  const told: AlertStack["told"] = (id, state) =>
    notices().filter((notice) => notice.id === id && notice.state === state).length;
  const stateOf = async (id: string): Promise<string | undefined> => {
    const { body } = await stack.call("GET", "/api/alerts");
    return body.items.find((alert: AlertNotice) => alert.id === id)?.state;
  };
  return {
    ...stack,
    receiver,
    alertEnv,
    told,
    untilAlert: async (id, state) => {
      // The API may be the part that was killed.
      const isSo = async () => (await stateOf(id).catch(() => undefined)) === state;
      await untilTrue(isSo, DEADLINE_MS, `that ${id} is ${state}`);
      await untilTrue(() => told(id, state) > 0, DEADLINE_MS, `the notice that ${id} is ${state}`);
    },
    close: async () => {
      await stack.close();
      await receiver.stop();
    },
  };
}
