import type { KnownWorker } from "@millrace/bus";
import {
  type AlertName,
  DEAD_LETTERS_SPAN_MS,
  ERROR_RATE_ATTEMPTS_MIN,
  ERROR_RATE_SPAN_MS,
  Growth,
  PARTS,
  type PartWatch,
  type Reading,
  type Round,
} from "@millrace/core/alerts/index";
import type { DiskSpace } from "@millrace/observe";
import type { Measured } from "../measure.ts";

/** The queue is measured every 15 s; older than this, a measurement says nothing. */
const MEASURED_MS_MAX = 60_000;
/** A dead worker is told of for so long: by then somebody knows, and a worker of that name may never come again. */
const DEATH_TOLD_MS = 15 * 60_000;

/** What the readings are taken from; all of it is known already, or costs one call of the system. */
export interface ReadingSources {
  readonly parts: PartWatch;
  readonly workers: () => readonly KnownWorker[];
  readonly disk: () => DiskSpace | undefined;
  readonly openBreakers: () => readonly string[];
  /** 1: it does not answer, or was lost a moment ago. */
  readonly natsMissing: () => number;
  readonly postgresMissing: () => number;
  readonly wallMs: () => number;
}

/** Gathers what the rules judge. */
export class AlertReadings {
  readonly #sources: ReadingSources;
  readonly #deadLetters = new Growth(DEAD_LETTERS_SPAN_MS);
  readonly #completed = new Growth(ERROR_RATE_SPAN_MS);
  readonly #failed = new Growth(ERROR_RATE_SPAN_MS);
  #measured: { readonly atMs: number; readonly what: Measured } | undefined;

  constructor(sources: ReadingSources) {
    this.#sources = sources;
  }

  noteMeasured(what: Measured, nowMs: number): void {
    this.#measured = { atMs: nowMs, what };
  }

  noteDeadLetter(nowMs: number): void {
    this.#deadLetters.add(1, nowMs);
  }

  /** For the pulse: what waits and runs, as it was measured last; empty when that is too long ago. */
  queueFacts(nowMs: number): Readonly<Record<string, number>> {
    if (this.#measured === undefined || nowMs - this.#measured.atMs > MEASURED_MS_MAX) return {};
    const { waiting, scheduled, queued, retryWait, running } = this.#measured.what.open;
    return { queue_pending: waiting + scheduled + queued + retryWait, queue_running: running };
  }

  round(nowMs: number): Round {
    const { parts } = this.#sources;
    const isDeaf = parts.isDeaf(nowMs);
    const isQueueKnown = this.#measured !== undefined && nowMs - this.#measured.atMs <= MEASURED_MS_MAX;
    const isRecorderHeard = parts.facts("recorder", nowMs).size > 0;
    const readings = [
      ...this.#partsDown(nowMs),
      ...this.#workersDead(),
      ...this.#rates(nowMs),
      ...(isQueueKnown ? this.#queueAges() : []),
      ...this.#recorder(nowMs),
      ...this.#disks(),
      ...this.#sources.openBreakers().map((breaker) => readingOf("breaker_open", 1, { breaker })),
    ];
    const isMeasured = (rule: AlertName, { part }: Readonly<Record<string, string>>): boolean => {
      if (rule === "queue_age") return isQueueKnown;
      if (rule === "disk_nearly_full") return true;
      // Other servers than NATS are asked directly.
      if (rule === "part_down" && (part === "nats" || part === "postgres")) return true;
      if (rule === "part_down") return !isDeaf && parts.isSure(part ?? "", nowMs);
      if (rule === "recorder_lag" || rule === "ledger_uneven") return !isDeaf && isRecorderHeard;
      return !isDeaf;
    };
    return { readings, isMeasured, nowMs };
  }

  #partsDown(nowMs: number): readonly Reading[] {
    const { parts, natsMissing, postgresMissing } = this.#sources;
    const missing = PARTS.map((part) => readingOf("part_down", parts.missing(part, nowMs), { part }));
    return [
      ...missing,
      readingOf("part_down", natsMissing(), { part: "nats" }),
      readingOf("part_down", postgresMissing(), { part: "postgres" }),
    ];
  }

  #workersDead(): readonly Reading[] {
    const { workers, wallMs } = this.#sources;
    return workers().flatMap(({ beat, liveness }) => {
      const isRecent = wallMs() - Date.parse(beat.last_heartbeat_at) < DEATH_TOLD_MS;
      return liveness === "dead" && isRecent ? [readingOf("worker_dead", 1, { worker: beat.worker_id })] : [];
    });
  }

  #rates(nowMs: number): readonly Reading[] {
    // Attempts of workers over HTTP are counted by the api that hears how they ended.
    for (const part of ["worker", "api"])
      for (const [instance, facts] of this.#sources.parts.facts(part, nowMs)) {
        this.#completed.note(instance, facts.attempts_completed ?? 0, nowMs);
        this.#failed.note(instance, facts.attempts_failed ?? 0, nowMs);
      }
    const failed = this.#failed.within(nowMs);
    const ended = failed + this.#completed.within(nowMs);
    return [
      readingOf("dead_letters_rising", this.#deadLetters.within(nowMs), {}),
      ...(ended < ERROR_RATE_ATTEMPTS_MIN ? [] : [readingOf("error_rate", failed / ended, {})]),
    ];
  }

  #queueAges(): readonly Reading[] {
    const { levels = [], pausedLanes = [] } = this.#measured?.what ?? {};
    // What waits in a paused lane does so because somebody wants it to.
    return levels
      .filter(({ lane }) => !pausedLanes.includes(lane))
      .map(({ lane, oldestAgeS }) => readingOf("queue_age", oldestAgeS ?? 0, { lane }));
  }

  #recorder(nowMs: number): readonly Reading[] {
    return [...this.#sources.parts.facts("recorder", nowMs).values()].flatMap((facts) => [
      readingOf("recorder_lag", facts.lag_seconds ?? 0, {}),
      readingOf("ledger_uneven", facts.unaccounted ?? 0, {}),
    ]);
  }

  #disks(): readonly Reading[] {
    const { disk, workers } = this.#sources;
    const space = disk();
    const own =
      space === undefined ? [] : [{ disk: "the servers", used: 1 - space.availableBytes / space.sizeBytes }];
    const others = workers().flatMap(({ beat, liveness }) => {
      const { disk_usage: used } = beat.system_info;
      return liveness === "alive" && used !== null ? [{ disk: beat.worker_id, used }] : [];
    });
    return [...own, ...others].map(({ disk: name, used }) =>
      readingOf("disk_nearly_full", used, { disk: name }),
    );
  }
}

function readingOf(rule: AlertName, value: number, labels: Readonly<Record<string, string>>): Reading {
  return { rule, labels, value };
}
