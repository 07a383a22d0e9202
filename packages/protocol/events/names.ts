/** Names on the wire of events. `nats/streams/EVENTS.json` and `nats/consumers/EVENTS/` hold the same as configuration. */
export const EVENTS_STREAM = "EVENTS";
export const RECORDER_CONSUMER = "recorder";

/** The ways in; each has a subject of its own, so that `nats stream subjects` tells who sends what. */
export const EVENT_DOORS = ["http", "otlp", "bulk"] as const;
export type EventDoor = (typeof EVENT_DOORS)[number];

/** `events.http`, `events.otlp`, `events.bulk`. */
export function eventsSubject(door: EventDoor): string {
  return `events.${door}`;
}

/** What the recorder puts where an event says nothing. The time is when the request arrived. */
export const EVENT_LEVEL_DEFAULT = "info";
export const EVENT_SOURCE_DEFAULT = "unknown";

/** The id of an event that brought none: its place in the stream. @param line from 0, within the message. */
export function placeId(seq: number, line: number): string {
  return `${seq}-${line}`;
}
