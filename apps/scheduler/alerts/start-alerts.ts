import {
  AlertBook,
  AlertKeeper,
  BreakerStates,
  type Bus,
  type ConnectionState,
  hearPulses,
  onDeadLetterWritten,
  startPulse,
  type WorkerRegistry,
} from "@millrace/bus";
import { type AlertRule, PartWatch } from "@millrace/core/alerts/index";
import { PART_DIED_TOLD_MS } from "@millrace/core/limits";
import { diskSpaceOf, type Log, type TellAlert } from "@millrace/observe";
import { Duty } from "../duty.ts";
import type { Measured } from "../measure.ts";
import { PostgresProbe } from "./postgres-probe.ts";
import { AlertReadings } from "./readings.ts";

export interface AlertsOptions {
  readonly bus: Bus;
  readonly log: Log;
  readonly connection: Pick<ConnectionState, "lostMs">;
  /** Resolves with when the server started. */
  readonly askPostgres: () => Promise<string>;
  readonly registry: Pick<WorkerRegistry, "list">;
  /** This process, as its pulse names it. */
  readonly instance: string;
  readonly rules: readonly AlertRule[];
  readonly tell: TellAlert;
  /** The folder whose disk is watched. */
  readonly home: string;
}

export interface Alerts {
  noteMeasured(what: Measured): void;
  stop(): Promise<void>;
}

const ROUND_MS = 1_000;
/** How often PostgreSQL is asked whether it answers. */
const PROBE_MS = 2_000;

/**
 * Watches the product, and tells when something is wrong and when it is well again. Every scheduler does; the book lets one
 * of them tell. What cannot be seen from here, that no scheduler lives, is watched by the api.
 */
export async function startAlerts(options: AlertsOptions): Promise<Alerts> {
  const { bus, log, registry, instance, home } = options;
  const now = () => performance.now();
  const parts = new PartWatch(instance, now());
  const breakers = new BreakerStates(bus);
  const book = new AlertBook(bus);
  const postgres = new PostgresProbe(options.askPostgres, now);
  const natsMissing = () =>
    parts.isDeaf(now()) || now() - options.connection.lostMs() <= PART_DIED_TOLD_MS ? 1 : 0;
  const readings = new AlertReadings({
    parts,
    workers: () => registry.list(),
    disk: () => diskSpaceOf(home),
    openBreakers: () => breakers.open(),
    natsMissing,
    postgresMissing: () => postgres.missing(),
    wallMs: Date.now,
  });
  const keeper = new AlertKeeper({
    ...{ rules: options.rules, book, tell: options.tell, wallMs: Date.now },
    onFailure: (error) => log.debug("alerts are not written down while NATS is away", { error }),
  });
  const stopHearing = hearPulses(bus, (pulse) => {
    if (pulse.leaves === true) parts.leave(pulse, now());
    else parts.hear(pulse, now());
  });
  const stopLetters = onDeadLetterWritten(bus, () => readings.noteDeadLetter(now()));
  await book.start();
  await breakers.start();
  const stopPulse = startPulse(bus, {
    ...{ name: "scheduler", instance },
    facts: () => readings.queueFacts(now()),
  });
  const probe = setInterval(() => void postgres.ask(), PROBE_MS);
  const duty = new Duty({
    name: "alert",
    everyMs: ROUND_MS,
    round: async () => {
      await keeper.round(readings.round(now()), parts.isDeaf(now()));
      return false;
    },
    log,
  });
  duty.start();
  return {
    noteMeasured: (what) => readings.noteMeasured(what, now()),
    stop: async () => {
      clearInterval(probe);
      await duty.stop();
      stopHearing();
      stopLetters();
      breakers.stop();
      book.stop();
      stopPulse();
    },
  };
}
