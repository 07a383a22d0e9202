import { DELAY_S_MAX, JSON_DEPTH_MAX, PAYLOAD_BYTES_MAX } from "@millrace/core/limits";

/** One request to submit a task that must be refused, and how. */
export interface BadInput {
  readonly what: string;
  /** A value is sent as JSON, text as it stands. */
  readonly body: unknown;
  readonly status: number;
  readonly code: string;
  /** Of the field that is wrong; absent where no single field is. */
  readonly path?: string;
  readonly contentType?: string;
}

const RIGHT = { task_type: "simulate", payload: {} };

function field(what: string, fields: Readonly<Record<string, unknown>>, path: string): BadInput {
  return { what, body: { ...RIGHT, ...fields }, status: 422, code: "VALIDATION_FAILED", path };
}

function broken(what: string, body: string): BadInput {
  return { what, body, status: 400, code: "BAD_JSON" };
}

function payload(what: string, taskType: string, value: unknown, path: string): BadInput {
  return field(what, { task_type: taskType, payload: value }, path);
}

const call = (what: string, value: unknown, path: string) => payload(what, "http.request", value, path);
const URL_OF_SOMEBODY = "http://api.example.org/";

/** `depth` lists within each other. */
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

const IDS: readonly (readonly [what: string, id: unknown])[] = [
  ["a path", "../../etc/passwd"],
  ["a path on Windows", "..\\..\\boot.ini"],
  ["two dots", ".."],
  ["an escaped path", "%2e%2e%2fetc"],
  ["a space", "two words"],
  ["a line break", "two\nlines"],
  ["a wildcard for the rest", "tasks.>"],
  ["a wildcard for one token", "*"],
  ["129 characters", "x".repeat(129)],
  ["no characters", ""],
  ["letters of other scripts", "задача"],
  ["an emoji", "task-🔥"],
  ["a mark that turns the direction", "abc\u202Edef"],
  ["SQL", "1'; drop table tasks; --"],
  ["HTML", "<script>alert(1)</script>"],
  ["a template", "{{tasks.1.result}}"],
  ["a number", 12],
  ["null", null],
  ["a list", ["a"]],
  ["an object", { $ne: "" }],
];

const FIELDS: readonly BadInput[] = [
  field("priority 0", { priority: 0 }, "/priority"),
  field("priority 11", { priority: 11 }, "/priority"),
  field("priority -1", { priority: -1 }, "/priority"),
  field("half a priority", { priority: 5.5 }, "/priority"),
  field("a priority as text", { priority: "5" }, "/priority"),
  field("a task type that is a number", { task_type: 5 }, "/task_type"),
  field("an empty task type", { task_type: "" }, "/task_type"),
  field("a task type with an empty token", { task_type: "a..b" }, "/task_type"),
  field("a task type that ends in a dot", { task_type: "a." }, "/task_type"),
  field("a task type with a wildcard", { task_type: "tasks.>" }, "/task_type"),
  field("a task type with a space", { task_type: "a b" }, "/task_type"),
  field("a task type of 65 characters", { task_type: "t".repeat(65) }, "/task_type"),
  field("an unknown field", { urgency: 3 }, "/urgency"),
  field("a field that only answers have", { status: "completed" }, "/status"),
  field("a misspelt field", { max_attempt: 3 }, "/max_attempt"),
  field("a lane that there is not", { lane: "fast" }, "/lane"),
  field("no attempts", { max_attempts: 0 }, "/max_attempts"),
  field("101 attempts", { max_attempts: 101 }, "/max_attempts"),
  field("half an attempt", { max_attempts: 1.5 }, "/max_attempts"),
  field("a time-out of nothing", { timeout: 0 }, "/timeout"),
  field("a time-out of more than a day", { timeout: 86_401 }, "/timeout"),
  field("a time-out as text", { timeout: "30s" }, "/timeout"),
  field("a long time-out in the short lane", { lane: "short", timeout: 61 }, "/timeout"),
  field("a tenant with a space", { tenant: "a b" }, "/tenant"),
  field("a tenant of 65 characters", { tenant: "t".repeat(65) }, "/tenant"),
  field("dependencies as text", { dependencies: "other" }, "/dependencies"),
  field("numbers as dependencies", { dependencies: [1] }, "/dependencies/0"),
  field("a dependency that there is not", { dependencies: ["nobody"] }, "/dependencies/0"),
  field("a delay below nothing", { delay: -1 }, "/delay"),
  field("a delay of more than a year", { delay: DELAY_S_MAX + 1 }, "/delay"),
  field("delay and run_at", { delay: 5, run_at: "2026-01-01T00:00:00Z" }, "/delay"),
  field("run_at in words", { run_at: "tomorrow" }, "/run_at"),
  field("run_at without a zone", { run_at: "2026-10-01T00:00:00" }, "/run_at"),
  field("run_at on the 31st of June", { run_at: "2026-06-31T00:00:00Z" }, "/run_at"),
  field("run_at on the 29th of February of no leap year", { run_at: "2026-02-29T00:00:00Z" }, "/run_at"),
  field("run_at at 24 o'clock", { run_at: "2026-06-30T24:00:00Z" }, "/run_at"),
  field("run_at in the 13th month", { run_at: "2026-13-01T00:00:00Z" }, "/run_at"),
  field("run_at in a thousand years", { run_at: "3026-01-01T00:00:00Z" }, "/run_at"),
  field("run_at as a number", { run_at: 1_900_000_000 }, "/run_at"),
  field(
    "a backoff that ends below its start",
    { backoff: { initial_ms: 500, max_ms: 100 } },
    "/backoff/max_ms",
  ),
  field("a backoff below nothing", { backoff: { initial_ms: -1 } }, "/backoff/initial_ms"),
  field("a backoff that shrinks", { backoff: { factor: 0.5 } }, "/backoff/factor"),
  field("a backoff that explodes", { backoff: { factor: 11 } }, "/backoff/factor"),
  field("a backoff of more than a day", { backoff: { max_ms: 86_400_001 } }, "/backoff/max_ms"),
  field("jitter in words", { backoff: { jitter: "yes" } }, "/backoff/jitter"),
  field("an unknown field of backoff", { backoff: { base: 2 } }, "/backoff/base"),
  field("a backoff that is a number", { backoff: 100 }, "/backoff"),
];

const PAYLOADS: readonly BadInput[] = [
  payload("a failure rate above one", "simulate", { failure_rate: 1.1 }, "/payload/failure_rate"),
  payload("a failure rate as text", "simulate", { failure_rate: "0.3" }, "/payload/failure_rate"),
  payload("a duration below nothing", "simulate", { duration_ms: -1 }, "/payload/duration_ms"),
  payload("a simulation of nothing known", "simulate", { sleep: 5 }, "/payload/sleep"),
  payload("a simulation that is a list", "simulate", [], "/payload"),
  call("a call to nowhere", {}, "/payload/url"),
  call("a call to a file", { url: "file:///etc/passwd" }, "/payload/url"),
  call("a call by gopher", { url: "gopher://127.0.0.1:6379/_FLUSHALL" }, "/payload/url"),
  call("a call to data", { url: "data:text/plain,hello" }, "/payload/url"),
  call("a call with a password in the URL", { url: "http://user:secret@example.org/" }, "/payload/url"),
  call("a call to a relative URL", { url: "//example.org/" }, "/payload/url"),
  call("a URL of 2 049 characters", { url: `${URL_OF_SOMEBODY}${"a".repeat(2_049)}` }, "/payload/url"),
  call("a method that tunnels", { url: URL_OF_SOMEBODY, method: "CONNECT" }, "/payload/method"),
  call("a method with a line break", { url: URL_OF_SOMEBODY, method: "GET\r\nX: 1" }, "/payload/method"),
  call("a body with GET", { url: URL_OF_SOMEBODY, method: "GET", body: "x" }, "/payload/body"),
  call("another Host", { url: URL_OF_SOMEBODY, headers: { Host: "internal" } }, "/payload/headers/Host"),
  call(
    "another Idempotency-Key",
    { url: URL_OF_SOMEBODY, headers: { "Idempotency-Key": "other" } },
    "/payload/headers/Idempotency-Key",
  ),
  call("a header that splits", { url: URL_OF_SOMEBODY, headers: { A: "b\r\nC: d" } }, "/payload/headers/A"),
  call(
    "a header name with a space",
    { url: URL_OF_SOMEBODY, headers: { "A B": "c" } },
    "/payload/headers/A B",
  ),
  call(
    "a status that there is not",
    { url: URL_OF_SOMEBODY, expect_status: [99] },
    "/payload/expect_status/0",
  ),
  payload("a payload that nests too deeply", "own", JSON.parse(nested(JSON_DEPTH_MAX + 1)), "/payload"),
];

const BODIES: readonly BadInput[] = [
  broken("half an object", '{"task_type":"simulate"'),
  broken("single quotes", "{'task_type':'simulate'}"),
  broken("a comma too many", '{"task_type":"simulate",}'),
  broken("nothing at all", ""),
  broken("NaN", '{"task_type":"simulate","priority":NaN}'),
  broken("a NUL in an id", '{"task_type":"simulate","task_id":"a\\u0000b"}'),
  broken("a NUL in a payload", '{"task_type":"own","payload":{"a":"\\u0000"}}'),
  broken("half a surrogate pair", '{"task_type":"own","payload":"\\ud800"}'),
  broken("a number beyond all doubles", '{"task_type":"own","payload":1e999}'),
  broken("__proto__", '{"task_type":"own","payload":{"__proto__":{"isAdmin":true}}}'),
  broken("a hundred thousand brackets", nested(100_000)),
  broken("a body that nests too deeply", `{"task_type":"own","payload":${nested(JSON_DEPTH_MAX + 40)}}`),
  { what: "no task type", body: {}, status: 422, code: "VALIDATION_FAILED", path: "/task_type" },
  { what: "a list", body: [RIGHT], status: 422, code: "VALIDATION_FAILED", path: "" },
  { what: "a text", body: '"simulate"', status: 422, code: "VALIDATION_FAILED", path: "" },
  { what: "null", body: "null", status: 422, code: "VALIDATION_FAILED", path: "" },
  {
    what: "a payload of 1 MB",
    body: { task_type: "own", payload: "x".repeat(1_000_000) },
    ...{ status: 413, code: "PAYLOAD_TOO_LARGE", path: "/payload" },
  },
  {
    what: "a payload of one byte too many",
    body: { task_type: "own", payload: "x".repeat(PAYLOAD_BYTES_MAX - 1) },
    ...{ status: 413, code: "PAYLOAD_TOO_LARGE", path: "/payload" },
  },
  { what: "a body of 17 MB", body: `"${"x".repeat(17 * 1024 * 1024)}"`, status: 413, code: "BODY_TOO_LARGE" },
  {
    what: "a form",
    body: "task_type=simulate",
    contentType: "application/x-www-form-urlencoded",
    ...{ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
  },
  {
    what: "another charset",
    body: RIGHT,
    contentType: "application/json; charset=utf-16",
    ...{ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
  },
];

export const BAD_TASK_INPUTS: readonly BadInput[] = [
  ...IDS.map(([what, id]) => field(`an id that is ${what}`, { task_id: id }, "/task_id")),
  ...FIELDS,
  ...PAYLOADS,
  ...BODIES,
];
