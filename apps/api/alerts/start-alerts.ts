import { AlertBook, AlertKeeper, type Bus, ConnectionState, hearPulses, startPulse } from "@millrace/bus";
import { type AlertRule, alertIdOf, PartWatch, type Round } from "@millrace/core/alerts/index";
import { PART_DIED_TOLD_MS } from "@millrace/core/limits";
import type { Log, TellAlert } from "@millrace/observe";
import type { AlertRecord } from "@millrace/protocol/alerts";
import { AlertBoard } from "./alert-board.ts";

export interface ApiAlertsOptions {
  readonly bus: Bus;
  readonly log: Log;
  readonly rules: readonly AlertRule[];
  readonly tell: TellAlert;
}

export interface ApiAlerts {
  /** This process, as its pulse names it. */
  readonly instance: string;
  /** Api processes that live, this one included, by their pulses. */
  apis(): readonly string[];
  readonly board: AlertBoard;
  /** What this process counts, from now on told with its pulse. */
  tellFacts(facts: () => Readonly<Record<string, number>>): void;
  stop(): void;
}

const ROUND_MS = 1_000;
const NATS = "nats";
const SCHEDULER = "scheduler";

/**
 * Shows what the schedulers wrote down, and watches what they cannot: that none of them lives. That NATS is away is shown
 * too, and told by the schedulers alone, since nobody could agree then on who tells it.
 */
export async function startAlerts({ bus, log, rules, tell }: ApiAlertsOptions): Promise<ApiAlerts> {
  const connection = new ConnectionState(bus);
  const now = () => performance.now();
  const instance = Bun.randomUUIDv7();
  const parts = new PartWatch(instance, now());
  const book = new AlertBook(bus);
  const rule = rules.find(({ name }) => name === "part_down");
  const keeper = new AlertKeeper({
    ...{ rules: rule === undefined ? [] : [rule], book, tell, wallMs: Date.now },
    onFailure: (error) => log.debug("alerts are not written down while NATS is away", { error }),
  });
  const stopHearing = hearPulses(bus, (pulse) => {
    if (pulse.leaves === true) parts.leave(pulse, now());
    else parts.hear(pulse, now());
  });
  await book.start();
  let factsOf: () => Readonly<Record<string, number>> = () => ({});
  const stopPulse = startPulse(bus, { name: "api", instance, facts: () => factsOf() });
  let natsDown: AlertRecord | undefined;
  let isBusy = false;
  const rounds = setInterval(async () => {
    const isAway = parts.isDeaf(now()) || now() - connection.lostMs() <= PART_DIED_TOLD_MS;
    natsDown = isAway && rule !== undefined ? (natsDown ?? natsAlert(rule)) : undefined;
    if (isBusy) return;
    isBusy = true;
    await keeper.round(roundOf(parts, now()), parts.isDeaf(now())).finally(() => {
      isBusy = false;
    });
  }, ROUND_MS);
  return {
    instance,
    // What it does not hear itself say does not make it another's business.
    apis: () => [...new Set([instance, ...parts.facts("api", now()).keys()])],
    board: new AlertBoard({
      written: () => book.list(),
      unwritten: () => [...keeper.unwritten(), ...(natsDown === undefined ? [] : [natsDown])],
      wallMs: Date.now,
    }),
    tellFacts: (facts) => {
      factsOf = facts;
    },
    stop: () => {
      clearInterval(rounds);
      stopHearing();
      stopPulse();
      book.stop();
    },
  };
}

function roundOf(parts: PartWatch, nowMs: number): Round {
  return {
    readings: [{ rule: "part_down", labels: { part: SCHEDULER }, value: parts.missing(SCHEDULER, nowMs) }],
    isMeasured: (_, { part }) => part === SCHEDULER && !parts.isDeaf(nowMs) && parts.isSure(part, nowMs),
    nowMs,
  };
}

/** As the schedulers will write it down when NATS is back. */
function natsAlert({ name, severity, threshold, say }: AlertRule): AlertRecord {
  const labels = { part: NATS };
  return {
    ...{ id: alertIdOf(name, labels), rule: name, severity, state: "firing", labels, value: 1, threshold },
    ...{ since: new Date().toISOString(), resolved_at: null, summary: say({ subject: NATS, value: 1 }) },
  };
}
