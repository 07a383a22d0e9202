import { type EventAlert, judgeEventLosses } from "@millrace/core/event-alerts";
import { type LedgerMinute, readLedger, readLosses, readRecorded, readRejections } from "@millrace/store";
import type { Ports } from "../ports.ts";
import type { FlyingMessage } from "./in-flight.ts";
import type { Span } from "./query-words.ts";

const MINUTE_MS = 60_000;

interface LedgerLine {
  readonly minute: string;
  readonly accepted: number;
  readonly stored: number;
  readonly rejected: number;
  readonly deduplicated: number;
  readonly in_flight: number;
  readonly refused: number;
  readonly lost_messages: number;
  readonly lost_events: number;
  readonly difference: number;
}

interface RejectionLine {
  readonly reason: string;
  readonly detail: string;
  readonly records: number;
  readonly last_rejected_at: string;
  readonly example: string;
}

export interface LedgerView {
  readonly is_even: boolean;
  readonly in_flight_messages: number;
  /** True: more messages wait than were looked at, so the minutes at the end are incomplete. */
  readonly is_partial: boolean;
  readonly lost_messages: number;
  readonly lost_events: number;
  /** Of all time that the ledger remembers. */
  readonly unaccounted_events: number;
  readonly alert: EventAlert | null;
  /** What `rejected` counts, by kind. */
  readonly rejections: readonly RejectionLine[];
  readonly minutes: readonly LedgerLine[];
}

type LedgerPorts = Pick<Ports, "eventQueries" | "eventsInFlight">;

/**
 * Per minute of arrival: accepted = stored + rejected + deduplicated + in flight; lost events were accepted, too, and make
 * the difference. The stream is read before the tables: what
 * is recorded in between is found there, and not counted twice.
 */
export async function showLedger(ports: LedgerPorts, span: Span): Promise<LedgerView> {
  const { messages, first } = await ports.eventsInFlight();
  const { recorded, minutes, losses, rejections } = await ports.eventQueries.run(async (sql) => ({
    ...(await readRecorded(
      sql,
      first.map(({ seq }) => seq),
    )),
    minutes: await readLedger(sql, span),
    losses: await readLosses(sql),
    rejections: await readRejections(sql, span),
  }));
  const flying = first.filter(({ seq }) => !recorded.has(seq));
  const lines = merge(minutes, flying, span);
  const lost = lines.reduce((sum, line) => sum + line.lost_messages, 0);
  return {
    is_even: lost === 0 && lines.every(({ difference }) => difference === 0),
    in_flight_messages: messages - (first.length - flying.length),
    is_partial: messages > first.length,
    lost_messages: lost,
    lost_events: lines.reduce((sum, line) => sum + line.lost_events, 0),
    unaccounted_events: losses.events,
    alert: judgeEventLosses(losses),
    rejections: rejections.map(({ lastRejectedAt, ...kind }) => ({
      ...kind,
      last_rejected_at: lastRejectedAt.toISOString(),
    })),
    minutes: lines,
  };
}

function merge(
  minutes: readonly LedgerMinute[],
  flying: readonly FlyingMessage[],
  { fromMs, toMs }: Span,
): readonly LedgerLine[] {
  const inFlight = new Map<number, number>();
  for (const { receivedMs, events } of flying) {
    if (receivedMs < fromMs || receivedMs >= toMs) continue;
    const minuteMs = Math.floor(receivedMs / MINUTE_MS) * MINUTE_MS;
    inFlight.set(minuteMs, (inFlight.get(minuteMs) ?? 0) + events);
  }
  const known = new Map(minutes.map((minute) => [minute.minuteMs, minute]));
  const all = [...new Set([...known.keys(), ...inFlight.keys()])].sort((one, other) => one - other);
  return all.map((minuteMs) => lineOf(minuteMs, known.get(minuteMs), inFlight.get(minuteMs) ?? 0));
}

function lineOf(minuteMs: number, minute: LedgerMinute | undefined, inFlight: number): LedgerLine {
  const { accepted = 0, stored = 0, rejected = 0, deduplicated = 0, refused = 0 } = minute ?? {};
  const { lostMessages = 0, lostEvents = 0 } = minute ?? {};
  return {
    minute: new Date(minuteMs).toISOString(),
    accepted: accepted + inFlight + lostEvents,
    ...{ stored, rejected, deduplicated, refused },
    in_flight: inFlight,
    lost_messages: lostMessages,
    lost_events: lostEvents,
    difference: accepted + lostEvents - stored - rejected - deduplicated,
  };
}
