import { expect, test } from "bun:test";
import { UploadLocks } from "@millrace/api/uploads/upload-locks";
import { Fault } from "@millrace/core";
import { UPLOAD_LOCK_WAITERS_MAX } from "@millrace/core/limits";

/** Other processes, of which one may hold the upload. */
class Others {
  answers: ("free" | "busy")[] = [];
  asked = 0;
  readonly holding = new Map<string, () => Promise<void>>();

  async ask(): Promise<"free" | "busy"> {
    this.asked += 1;
    return this.answers.shift() ?? "free";
  }

  hold(fileId: string, letGo: () => Promise<void>): () => void {
    this.holding.set(fileId, letGo);
    return () => void this.holding.delete(fileId);
  }
}

function holder() {
  let wanted = 0;
  return {
    giveWay: () => {
      wanted += 1;
    },
    get wanted() {
      return wanted;
    },
  };
}

async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return (await Promise.race([promise, Bun.sleep(5).then(() => pending)])) !== pending;
}

test("one upload has one holder, and the next one gets it when it is released", async () => {
  const locks = new UploadLocks(new Others());
  const first = holder();
  const release = await locks.acquire("a", first);
  const second = locks.acquire("a", holder());
  expect(await isDone(second)).toBe(false);
  expect(first.wanted).toBe(1);
  release();
  (await second)();
  (await locks.acquire("a", holder()))();
});

test("uploads do not wait for each other", async () => {
  const locks = new UploadLocks(new Others());
  await locks.acquire("a", holder());
  expect(await isDone(locks.acquire("b", holder()))).toBe(true);
});

test("of many that wait each gets it once, and never two at a time", async () => {
  const locks = new UploadLocks(new Others());
  let inside = 0;
  let most = 0;
  const visit = async () => {
    const release = await locks.acquire("a", holder());
    inside += 1;
    most = Math.max(most, inside);
    await Promise.resolve();
    inside -= 1;
    release();
  };
  await Promise.all(Array.from({ length: UPLOAD_LOCK_WAITERS_MAX }, visit));
  expect(most).toBe(1);
});

test("more than so many do not wait: they are told that it is held", async () => {
  const locks = new UploadLocks(new Others());
  const release = await locks.acquire("a", holder());
  const waiting = Array.from({ length: UPLOAD_LOCK_WAITERS_MAX }, async () => {
    (await locks.acquire("a", holder()))();
  });
  const error = await locks.acquire("a", holder()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Fault);
  expect(error).toMatchObject({ code: "UPLOAD_LOCKED", retryAfterS: 1 });
  release();
  await Promise.all(waiting);
});

test("other processes are asked until they have let go", async () => {
  const others = new Others();
  others.answers = ["busy", "busy", "free"];
  const locks = new UploadLocks(others);
  (await locks.acquire("a", holder()))();
  expect(others.asked).toBe(3);
});

test("who holds it answers others, makes its sender give way, and stops answering when it is free", async () => {
  const others = new Others();
  const locks = new UploadLocks(others);
  const ours = holder();
  const release = await locks.acquire("a", ours);
  const letGo = others.holding.get("a")?.();
  if (letGo === undefined) throw new Error("nobody answers");
  expect(ours.wanted).toBe(1);
  expect(await isDone(letGo)).toBe(false);
  release();
  await letGo;
  expect(others.holding.size).toBe(0);
});

test("when others cannot be asked, the upload stays free here", async () => {
  const others = new Others();
  const failing = { ask: () => Promise.reject(new Error("broken")), hold: () => () => {} };
  const locks = new UploadLocks(failing);
  expect(locks.acquire("a", holder())).rejects.toThrow("broken");
  await locks.acquire("a", holder()).catch(() => {});
  failing.ask = () => others.ask() as never;
  (await locks.acquire("a", holder()))();
});
