import { createApp } from "@millrace/api/app";
import { createFileMetrics } from "@millrace/api/files/file-metrics";
import type { Ports } from "@millrace/api/ports";
import { type Listening, serve } from "@millrace/api/serve";
import { Intake } from "@millrace/api/tasks/intake";
import type { Blobs } from "@millrace/blobs";
import { createMetrics } from "@millrace/observe";
import { claimAttempts, type FileQuota, findTask, type Sql, settleAttempts } from "@millrace/store";
import { PASSWORD, signUp, startApi } from "./api.ts";
import { newBlobs } from "./blobs.ts";
import type { Answer } from "./running-stack.ts";
import { FakeBus, FakeLive } from "./task-api.ts";

/** The API's routes for files, listening, on a real PostgreSQL and a folder; NATS is played. */
export interface FileApi {
  readonly url: string;
  readonly port: number;
  readonly ports: Ports;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly bus: FakeBus;
  readonly live: FakeLive;
  readonly user: Person;
  readonly stranger: Person;
  readonly operator: Person;
  /** Keys of all blobs, finished or not swept. */
  keys(): Promise<readonly string[]>;
  /** What became of the files of a user, by their state. */
  states(person: Person): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface Person {
  readonly token: string;
  readonly userId: number;
  fetch(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** Sends a form by `fetch`; undefined fields are left out. */
  upload(form: UploadForm, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  get(path: string): Promise<Answer>;
}

export interface UploadForm {
  readonly file?: Blob | string | undefined;
  readonly name?: string;
  readonly operation?: string | undefined;
  readonly options?: unknown;
}

/** @param storage a folder of its own when absent */
export async function startFileApi(quota?: FileQuota, storage?: Blobs): Promise<FileApi> {
  const blobs = storage ?? (await newBlobs("local"));
  const api = await startApi({ blobs, ...(quota !== undefined && { fileQuota: quota }) });
  const bus = new FakeBus();
  const live = new FakeLive();
  let listening: Listening | undefined;
  const metrics = createMetrics({ service: "api" });
  const ports: Ports = {
    ...api.ports,
    metrics,
    fileMetrics: createFileMetrics(metrics, api.ports.uploadSlots),
    dispatcher: bus,
    live,
    keepOpen: (request) => app.server?.timeout(request, 0),
    intake: new Intake({ sql: api.ports.hotSql, dispatcher: bus, log: api.ports.log }),
  };
  const app = createApp(ports);
  listening = serve(app, { host: "127.0.0.1", port: 0 });
  const { url, port } = listening;
  const person = async (email: string, role: string): Promise<Person> => {
    await api.call("POST", "/api/auth/register", { body: { email, password: PASSWORD } });
    const [row] = await api.sql<{ id: number }[]>`
      update users set role = ${role} where email = ${email} returning user_id as id`;
    const { accessToken } = await signUp(api.call, email);
    return personWith(url, accessToken, row?.id ?? 0);
  };
  return {
    ...{ url, port, ports, blobs, bus, live },
    sql: api.sql,
    user: await person("user@example.org", "user"),
    stranger: await person("stranger@example.org", "user"),
    operator: await person("operator@example.org", "operator"),
    keys: async () => (await blobs.list()).items.map(({ key }) => key),
    states: async ({ userId }) =>
      (
        await api.sql<{ state: string }[]>`
        select state from files where owner_id = ${userId} order by file_id`
      ).map(({ state }) => state),
    close: async () => {
      await listening?.stop();
      await ports.intake.drain();
      await api.close();
    },
  };
}

function personWith(url: string, token: string, userId: number): Person {
  const call = (method: string, path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${token}`);
    return fetch(`${url}${path}`, { ...init, method, headers });
  };
  return {
    token,
    userId,
    fetch: call,
    upload: async (form, headers = {}) =>
      answerOf(await call("POST", "/api/files", { body: formOf(form), headers })),
    get: async (path) => answerOf(await call("GET", path)),
  };
}

export function formOf({ file, name = "words.txt", operation, options }: UploadForm): FormData {
  const form = new FormData();
  if (operation !== undefined) form.append("operation", operation);
  if (file !== undefined) form.append("file", file instanceof Blob ? file : new Blob([file]), name);
  if (options !== undefined)
    form.append("options", typeof options === "string" ? options : JSON.stringify(options));
  return form;
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const parsed: unknown = text.startsWith("{") ? JSON.parse(text) : {};
  const body = typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  return { status: response.status, headers: response.headers, body };
}

/** Does what the worker would: claims the file's task, and settles it with this result. */
export async function completeFile(sql: Sql, fileId: string, result: unknown): Promise<void> {
  const task = await findTask(sql, fileId);
  if (task === null) throw new Error(`there is no task ${fileId}`);
  const attempt = task.attempts + 1;
  await claimAttempts(sql, "w~1", [{ seq: task.seq, attempt }]);
  await settleAttempts(sql, "w~1", [{ seq: task.seq, attempt, kind: "completed", result: result as never }]);
}
