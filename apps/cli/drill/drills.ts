/** What a drill does to the stack while it works. */
export interface Drill {
  readonly summary: string;
  /** Begins the names of the processes that are killed (SIGKILL), all of them; null: none is. */
  readonly kills: string | null;
}

export const DRILLS = {
  "kill-worker": { summary: "kill the workers in the middle of their tasks", kills: "worker" },
  "kill-scheduler": { summary: "kill the scheduler, which feeds, rescues and repeats", kills: "scheduler" },
  "kill-recorder": { summary: "kill the recorder in the middle of a transaction", kills: "recorder" },
  "kill-api": { summary: "kill the api while requests are on their way", kills: "api" },
  "broker-restart": { summary: "kill NATS", kills: "nats" },
  "pg-failover": { summary: "kill PostgreSQL", kills: "postgres" },
  burst: { summary: "break nothing; send ten times as much at once", kills: null },
  run: { summary: "run a shell command of yours (--command): for a stack that runs elsewhere", kills: null },
} as const satisfies Readonly<Record<string, Drill>>;

export type DrillName = keyof typeof DRILLS;
