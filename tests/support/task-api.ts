import { createApp } from "@millrace/api/app";
import type { LiveTasks, TaskWatcher } from "@millrace/api/live/live-tasks";
import type { Ports } from "@millrace/api/ports";
import { type Dispatcher, Intake } from "@millrace/api/tasks/intake";
import type { Outgoing } from "@millrace/bus";
import type { Identity } from "@millrace/core";
import { createMetrics } from "@millrace/observe";
import type { LiveTask } from "@millrace/protocol";
import { type ApiUnderTest, type Call, callWith, PASSWORD, signUp, startApi } from "./api.ts";

/** The API's routes for tasks on a real PostgreSQL; in place of NATS stands something that remembers what it was told. */
export interface TaskApi {
  readonly ports: Ports;
  readonly sql: ApiUnderTest["sql"];
  readonly lines: ApiUnderTest["lines"];
  readonly app: ReturnType<typeof createApp>;
  /** With the token of the user, of another user, and of an operator. */
  readonly user: Caller;
  readonly stranger: Caller;
  readonly operator: Caller;
  readonly bus: FakeBus;
  readonly live: FakeLive;
  /** As the process does when it is told to stop. */
  drain(): void;
  close(): Promise<void>;
}

export interface Caller {
  readonly call: (method: string, path: string, body?: unknown) => ReturnType<Call>;
  readonly token: string;
  readonly identity: Identity;
}

/** Remembers what was told; refuses everything while it is down. */
export class FakeBus implements Dispatcher {
  readonly published: Outgoing[] = [];
  /** How many messages each call brought. */
  readonly calls: number[] = [];
  readonly cancelled: unknown[] = [];
  readonly told: LiveTask[] = [];
  isDown = false;

  async publish(messages: readonly Outgoing[]): Promise<void> {
    if (this.isDown) throw new Error("NATS is down");
    this.calls.push(messages.length);
    this.published.push(...messages);
  }

  tellCancelled(notice: unknown): void {
    this.cancelled.push(notice);
  }

  tell(step: LiveTask): void {
    this.told.push(step);
  }

  /** The messages of one task. */
  of(taskId: string): readonly Outgoing[] {
    return this.published.filter(({ dispatch }) => dispatch.task_id === taskId);
  }
}

/** What is known of running tasks is what the test says. */
export class FakeLive implements LiveTasks {
  readonly watchers = new Set<TaskWatcher>();
  readonly progress = new Map<number, { readonly attempt: number; readonly progress: number }>();

  progressOf(seq: number, attempt: number): number | null {
    const known = this.progress.get(seq);
    return known?.attempt === attempt ? known.progress : null;
  }

  watch(_seq: number, watcher: TaskWatcher): () => void {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }
}

export async function startTaskApi(): Promise<TaskApi> {
  const api = await startApi();
  const bus = new FakeBus();
  const live = new FakeLive();
  const draining = new AbortController();
  const ports: Ports = {
    ...api.ports,
    metrics: createMetrics({ service: "api" }),
    dispatcher: bus,
    live,
    draining: draining.signal,
    taskRules: { ...api.ports.taskRules, nowMs: Date.now },
    intake: new Intake({ sql: api.ports.hotSql, dispatcher: bus, log: api.ports.log }),
  };
  const app = createApp(ports);
  const call = callWith((request) => app.handle(request));
  const caller = (email: string, role: Identity["role"]) => makeCaller({ call, sql: api.sql }, email, role);
  return {
    ports,
    app,
    bus,
    live,
    sql: api.sql,
    lines: api.lines,
    user: await caller("user@example.org", "user"),
    stranger: await caller("stranger@example.org", "user"),
    operator: await caller("operator@example.org", "operator"),
    drain: () => draining.abort(),
    close: async () => {
      await ports.intake.drain();
      await api.close();
    },
  };
}

async function makeCaller(
  { call, sql }: { readonly call: Call; readonly sql: ApiUnderTest["sql"] },
  email: string,
  role: Identity["role"],
): Promise<Caller> {
  await call("POST", "/api/auth/register", { body: { email, password: PASSWORD } });
  await sql`update users set role = ${role} where email = ${email}`;
  const { accessToken: token } = await signUp(call, email);
  const [row] = await sql<{ id: number }[]>`select user_id as id from users where email = ${email}`;
  if (row === undefined) throw new Error(`there is no user ${email}`);
  return {
    token,
    identity: { userId: row.id, role, scopes: "all", via: "jwt" },
    call: (method, path, body) => call(method, path, { token, ...(body !== undefined && { body }) }),
  };
}
