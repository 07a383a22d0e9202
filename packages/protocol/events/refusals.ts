/** Why a single record was refused, by the api (`rejected` of its answer) or by the recorder (`rejected_events`). */
export const EVENT_REFUSALS = {
  BAD_JSON: "not a JSON object in UTF-8, or with a number that does not fit into a double",
  VALIDATION_FAILED: "a field is missing, has the wrong type or is too long",
  EVENT_TOO_LARGE: "more bytes than one record may have",
  EVENT_TOO_DEEP: "nested deeper than a record may be",
  EVENT_TOO_MANY_KEYS: "more keys than a record may have",
  EVENT_TOO_OLD: "its time lies before all that are kept",
  EVENT_TOO_NEW: "its time lies further ahead than clocks may differ",
  EVENT_NOT_STORABLE: "the database refuses it",
} as const;

export type EventRefusal = keyof typeof EVENT_REFUSALS;
