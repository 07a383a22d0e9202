import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Registrations } from "@millrace/api/workers/registrations";
import { Fault, type Identity, type Role } from "@millrace/core";
import { REMOTE_WORKER_CACHE_MS } from "@millrace/core/limits";
import { deleteRemoteWorker, type Sql } from "@millrace/store";
import { register } from "../../../support/remote-workers.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());

let nowMs: number;
let looks: number;
let registrations: Registrations;
beforeEach(async () => {
  nowMs = 0;
  looks = 0;
  await store.sql`truncate remote_workers`;
  const counting = new Proxy(store.sql, {
    apply: (target, self, args) => {
      // A fragment is no query; only what reads the table is counted.
      if (String(args[0]).includes("from remote_workers")) looks += 1;
      return Reflect.apply(target, self, args);
    },
  }) as Sql;
  registrations = new Registrations(counting, () => nowMs);
});

const identity = (userId: number, role: Role = "user"): Identity => ({
  userId,
  role,
  scopes: "all",
  via: "jwt",
});
const ann = identity(1);
const bob = identity(2);

async function codeOf(asking: Promise<unknown>): Promise<string> {
  const error = await asking.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof Fault ? error.code : String(error);
}

describe("who registered a worker", () => {
  test("speaks for it; for anybody else it does not exist, operators included", async () => {
    await register(store.sql, { workerId: "w", ownerId: 1 });
    expect(await registrations.own(ann, { workerId: "w" })).toMatchObject({ workerId: "w", ownerId: 1 });
    for (const other of [bob, identity(3, "operator")])
      expect(await codeOf(registrations.own(other, { workerId: "w" }))).toBe("NOT_FOUND");
    expect(await codeOf(registrations.own(ann, { workerId: "nobody" }))).toBe("NOT_FOUND");
  });

  test("may look after it, and so may operators, and no other user", async () => {
    await register(store.sql, { workerId: "w", ownerId: 1 });
    for (const one of [ann, identity(3, "operator"), identity(4, "admin")])
      expect((await registrations.ownOrOperated(one, "w")).workerId).toBe("w");
    expect(await codeOf(registrations.ownOrOperated(bob, "w"))).toBe("NOT_FOUND");
  });
});

describe("what is remembered", () => {
  test("saves the look until it is too old, and then a worker that was removed is gone", async () => {
    const worker = await register(store.sql, { workerId: "w" });
    for (let times = 0; times < 5; times += 1) await registrations.own(ann, { workerId: "w" });
    expect(looks).toBe(1);
    await deleteRemoteWorker(store.sql, worker);
    nowMs = REMOTE_WORKER_CACHE_MS - 1;
    expect((await registrations.own(ann, { workerId: "w" })).workerId).toBe("w");
    nowMs = REMOTE_WORKER_CACHE_MS;
    expect(await codeOf(registrations.own(ann, { workerId: "w" }))).toBe("NOT_FOUND");
  });

  test("is forgotten at a word, and that nobody was there is not remembered", async () => {
    expect(await codeOf(registrations.own(ann, { workerId: "w" }))).toBe("NOT_FOUND");
    const worker = await register(store.sql, { workerId: "w" });
    await registrations.own(ann, { workerId: "w" });
    await deleteRemoteWorker(store.sql, worker);
    registrations.forget("w");
    expect(await codeOf(registrations.own(ann, { workerId: "w" }))).toBe("NOT_FOUND");
    expect(looks).toBe(3);
  });

  test("is what a process registered itself, without a look", async () => {
    registrations.remember(await register(store.sql, { workerId: "w" }));
    await registrations.own(ann, { workerId: "w" });
    expect(looks).toBe(0);
  });
});

describe("a life", () => {
  test("that is over is told so, and the new one is found before the word of it arrives", async () => {
    const first = await register(store.sql, { workerId: "w" });
    await registrations.own(ann, { workerId: "w", session: first.session });
    const second = await register(store.sql, { workerId: "w" });
    expect(await registrations.own(ann, { workerId: "w", session: second.session })).toMatchObject({
      session: second.session,
    });
    expect(await codeOf(registrations.own(ann, { workerId: "w", session: first.session }))).toBe(
      "WORKER_REPLACED",
    );
  });

  test("of somebody else's worker is not told apart from none", async () => {
    const worker = await register(store.sql, { workerId: "w", ownerId: 1 });
    for (const session of [worker.session, "w~other"])
      expect(await codeOf(registrations.own(bob, { workerId: "w", session }))).toBe("NOT_FOUND");
  });
});
