import {
  DRAIN_NOTICE_S_MAX,
  EMAIL_CHARS_MAX,
  EVENT_QUERIES_AT_ONCE_MAX,
  PASSWORD_CHARS_MAX,
  PASSWORD_CHARS_MIN,
  SHORT_LANE_TIMEOUT_S_MAX,
  TIMEOUT_S_MAX,
  TIMEOUT_S_MIN,
  TRUSTED_PROXIES_MAX,
  WORKER_ID_CHARS_MAX,
  WORKER_SLOTS_MAX,
} from "@millrace/core/limits";
import { alerts } from "./alert-variables.ts";
import { connections } from "./connection-variables.ts";
import { isAddressOrBlock, isHost } from "./hosts.ts";
import { boolean, choice, integer, list, secret, text, type Variable } from "./kinds.ts";
import { isPath } from "./paths.ts";
import { storage } from "./storage-variables.ts";
import { taskTypes } from "./task-type-variables.ts";
import { tracing } from "./tracing-variables.ts";

const WORKER_ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,${WORKER_ID_CHARS_MAX - 1}}$`);
const EMAIL = new RegExp(`^(?=.{3,${EMAIL_CHARS_MAX}}$)[^\\s@]+@[^\\s@]+$`);

const api = {
  apiHost: text({
    name: "API_HOST",
    about:
      "The address that the API and the health endpoints listen on; 0.0.0.0 opens them to other machines.",
    default: "127.0.0.1",
    expects: "a host name or address",
    isValid: isHost,
  }),
  apiPort: integer({
    name: "API_PORT",
    about: "The port of the API and the dashboard; 0 takes any free one.",
    default: 8000,
    min: 0,
    max: 65_535,
  }),
  drainNoticeS: integer({
    name: "DRAIN_NOTICE",
    about:
      "How long the API, told to stop, goes on answering: not ready, and ending each connection after its answer. Behind a proxy: longer than the proxy takes to notice.",
    default: 0,
    min: 0,
    max: DRAIN_NOTICE_S_MAX,
    unit: "seconds",
  }),
  trustedProxies: list({
    name: "TRUSTED_PROXIES",
    about:
      "The proxies in front of the API, whose X-Forwarded-For says who calls; without them, limits on logins count the proxy's address.",
    default: [],
    defaultText: "(none: who connects is who calls)",
    expects: "addresses or blocks such as 10.1.0.0/16, but not all addresses there are",
    itemsMax: TRUSTED_PROXIES_MAX,
    isItem: isAddressOrBlock,
  }),
  dashboardFolder: text({
    name: "DASHBOARD_FOLDER",
    about: "The built dashboard, which the API serves at /: what `bun apps/dashboard/build-main.ts` says.",
    default: undefined,
    defaultText: "(built by `bun start`; without it, no dashboard)",
    expects: "the path of a folder",
    isValid: isPath,
  }),
  jwtSecret: secret({
    name: "JWT_SECRET",
    about: "Signs access tokens; all API processes share it, and changing it logs everybody out.",
    default: undefined,
    defaultText: "(made by `bun start` and kept in MILLRACE_HOME)",
    charsMin: 32,
    charsMax: 512,
  }),
  adminEmail: text({
    name: "ADMIN_EMAIL",
    about: "The first administrator, created at start when missing.",
    default: undefined,
    defaultText: "(made by `bun start`)",
    expects: `an email address of at most ${EMAIL_CHARS_MAX} characters`,
    isValid: (given) => EMAIL.test(given),
  }),
  adminPassword: secret({
    name: "ADMIN_PASSWORD",
    about: "The first administrator's password.",
    default: undefined,
    defaultText: "(made by `bun start`)",
    charsMin: PASSWORD_CHARS_MIN,
    charsMax: PASSWORD_CHARS_MAX,
  }),
  adminApiKey: secret({
    name: "ADMIN_API_KEY",
    about: "An API key of the first administrator, for scripts.",
    default: undefined,
    defaultText: "(made by `bun start`)",
    charsMin: 20,
    charsMax: 256,
  }),
};

const work = {
  workerId: text({
    name: "WORKER_ID",
    about: "The worker's name in lists and logs; unique among all workers.",
    default: undefined,
    defaultText: "(host name and a random part)",
    expects: `1 to ${WORKER_ID_CHARS_MAX} letters, digits and -_. that start with a letter or digit`,
    isValid: (given) => WORKER_ID.test(given),
  }),
  maxWorkers: integer({
    name: "MAX_WORKERS",
    about: "Tasks that one worker process runs at the same time, both lanes together.",
    default: 10,
    min: 1,
    max: WORKER_SLOTS_MAX,
  }),
  longSlots: integer({
    name: "LONG_SLOTS",
    about: "How many of MAX_WORKERS belong to the long lane; the rest belongs to the short one.",
    default: undefined,
    defaultText: "(half of MAX_WORKERS, rounded down)",
    min: 0,
    max: WORKER_SLOTS_MAX,
  }),
  maxFileWorkers: integer({
    name: "MAX_FILE_WORKERS",
    about: "Threads for files in one worker process, each with one file at a time; 0: it takes no files.",
    default: 2,
    min: 0,
    max: 64,
  }),
  taskTimeoutS: integer({
    name: "TASK_TIMEOUT",
    about: "The time-out of a long-lane task that names none.",
    default: 300,
    min: TIMEOUT_S_MIN,
    max: TIMEOUT_S_MAX,
    unit: "seconds",
  }),
  shortTimeoutS: integer({
    name: "SHORT_TIMEOUT",
    about: "The time-out of a short-lane task that names none.",
    default: 30,
    min: TIMEOUT_S_MIN,
    max: SHORT_LANE_TIMEOUT_S_MAX,
    unit: "seconds",
  }),
  fileTimeoutS: integer({
    name: "FILE_TIMEOUT",
    about: "How long one attempt at processing a file may take.",
    default: 120,
    min: TIMEOUT_S_MIN,
    max: TIMEOUT_S_MAX,
    unit: "seconds",
  }),
  heartbeatIntervalS: integer({
    name: "HEARTBEAT_INTERVAL",
    about: "How often a worker says that it lives; after three silent intervals it counts as dead.",
    default: 30,
    min: 1,
    max: 300,
    unit: "seconds",
  }),
  httpAllowLoopback: boolean({
    name: "HTTP_ALLOW_LOOPBACK",
    about: "Whether http.request tasks may call this machine itself; `bun start` sets it.",
    default: false,
  }),
  taskRetentionDays: integer({
    name: "TASK_RETENTION_DAYS",
    about: "How long finished tasks are kept; whole days are dropped, and nothing unfinished ever is.",
    default: 30,
    min: 1,
    max: 3_660,
    unit: "days",
  }),
  eventRetentionDays: integer({
    name: "EVENT_RETENTION_DAYS",
    about: "How long events are kept; whole days are dropped.",
    default: 30,
    min: 1,
    max: 3_660,
    unit: "days",
  }),
  eventReplayS: integer({
    name: "EVENT_REPLAY_WINDOW",
    about: "How long events stay in the stream after they were stored, so that they can be replayed.",
    default: 3_600,
    min: 0,
    max: 7 * 24 * 3_600,
    unit: "seconds",
  }),
  eventSearch: choice({
    name: "EVENT_SEARCH",
    about:
      "How `q` finds events: scan reads the messages of the span; trigram keeps an index, which storing pays for.",
    default: "scan",
    choices: ["scan", "trigram"],
  }),
  eventQueriesAtOnce: integer({
    name: "EVENT_QUERIES_AT_ONCE",
    about:
      "Searches of events that one API process lets run at a time; others wait. Where PostgreSQL shares its machine, one less than it has cores keeps tasks fast.",
    default: 3,
    min: 1,
    max: EVENT_QUERIES_AT_ONCE_MAX,
  }),
  eventQueryNice: integer({
    name: "EVENT_QUERY_NICE",
    about:
      "Nice value of PostgreSQL's processes that search events, where it runs on the machine of the API; 0 leaves them alone.",
    default: 0,
    min: 0,
    max: 19,
  }),
  ...taskTypes,
};

const sight = {
  logLevel: choice({
    name: "LOG_LEVEL",
    about: "The least severe level that is written.",
    default: "INFO",
    choices: ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
  }),
  logFormat: choice({
    name: "LOG_FORMAT",
    about: "How log lines look.",
    default: undefined,
    defaultText: "(pretty on a terminal, else json)",
    choices: ["json", "pretty"],
  }),
  metricsEnabled: boolean({
    name: "METRICS_ENABLED",
    about: "Whether GET /metrics answers.",
    default: true,
  }),
  healthPort: integer({
    name: "HEALTH_PORT",
    about: "The port for /health and /metrics of services without an HTTP API of their own; 0 is off.",
    default: 0,
    min: 0,
    max: 65_535,
  }),
};

/** The headings of `.env.example`, in its order. */
export const SECTIONS = {
  API: api,
  "NATS and PostgreSQL": connections,
  Files: storage,
  Work: work,
  "Logs, metrics, health": sight,
  Alerts: alerts,
  Traces: tracing,
} as const satisfies Record<string, Readonly<Record<string, Variable<unknown>>>>;

/** Every variable, by its name in `Config`. The only list: parsing, types, messages and `.env.example` follow it. */
export const VARIABLES = {
  ...api,
  ...connections,
  ...storage,
  ...work,
  ...sight,
  ...alerts,
  ...tracing,
} as const;
