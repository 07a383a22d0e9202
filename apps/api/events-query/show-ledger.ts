import { type LedgerMinute, readLedger, readRecorded } from "@millrace/store";
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
  readonly difference: number;
}

export interface LedgerView {
  readonly is_even: boolean;
  readonly in_flight_messages: number;
  /** True: more messages wait than were looked at, so the minutes at the end are incomplete. */
  readonly is_partial: boolean;
  readonly lost_messages: number;
  readonly minutes: readonly LedgerLine[];
}

type LedgerPorts = Pick<Ports, "eventQueries" | "eventsInFlight">;

/**
 * Per minute of arrival: accepted = stored + rejected + deduplicated + in flight. The stream is read before the tables: what
 * is recorded in between is found there, and not counted twice.
 */
export async function showLedger(ports: LedgerPorts, span: Span): Promise<LedgerView> {
  const { messages, first } = await ports.eventsInFlight();
  const { recorded, minutes } = await ports.eventQueries.run(async (sql) => ({
    ...(await readRecorded(
      sql,
      first.map(({ seq }) => seq),
    )),
    minutes: await readLedger(sql, span),
  }));
  const flying = first.filter(({ seq }) => !recorded.has(seq));
  const lines = merge(minutes, flying, span);
  const lost = lines.reduce((sum, line) => sum + line.lost_messages, 0);
  return {
    is_even: lost === 0 && lines.every(({ difference }) => difference === 0),
    in_flight_messages: messages - (first.length - flying.length),
    is_partial: messages > first.length,
    lost_messages: lost,
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
  return {
    minute: new Date(minuteMs).toISOString(),
    accepted: accepted + inFlight,
    ...{ stored, rejected, deduplicated, refused },
    in_flight: inFlight,
    lost_messages: minute?.lostMessages ?? 0,
    difference: accepted - stored - rejected - deduplicated,
  };
}
