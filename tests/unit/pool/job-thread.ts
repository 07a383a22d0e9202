import { type JobContext, JobFailure, threadMain } from "@millrace/pool/thread";

/** Jobs that behave as jobs do, well and badly. */
export type TestJob =
  | { readonly kind: "add"; readonly numbers: readonly number[] }
  | { readonly kind: "loop" }
  | { readonly kind: "wait"; readonly flags: Int32Array }
  | { readonly kind: "native"; readonly flags: Int32Array }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "throw" }
  | { readonly kind: "throw_late" }
  | { readonly kind: "refuse" }
  | { readonly kind: "report"; readonly times: number; readonly forMs: number }
  | { readonly kind: "hoard"; readonly bytes: number; readonly isLooping: boolean };

const hoarded: unknown[] = [];

/** `flags[0]` is raised when a waiting job runs; it ends when `flags[1]` is, which one of native code raises itself. */
async function run(job: TestJob, { report, native }: JobContext): Promise<number> {
  switch (job.kind) {
    case "add":
      return job.numbers.reduce((sum, number) => sum + number, 0);
    case "loop":
      for (;;) Math.random();
    case "native":
      return await native(async () => {
        Atomics.add(job.flags, 0, 1);
        await Bun.sleep(400); // Longer than a job has to stop.
        return Atomics.add(job.flags, 1, 1);
      });
    case "wait":
      Atomics.add(job.flags, 0, 1);
      while (Atomics.load(job.flags, 1) === 0) await Bun.sleep(1);
      return 0;
    case "exit":
      process.exit(job.code);
      break;
    case "throw":
      throw new Error("job says no");
    case "throw_late":
      setTimeout(() => {
        throw new Error("nobody catches this");
      }, 1);
      return new Promise(() => {});
    case "refuse":
      throw new JobFailure("INPUT_INVALID", "line 7 is not CSV", false);
    case "report": {
      const endMs = performance.now() + job.forMs;
      for (let n = 0; performance.now() < endMs; n += 1) report((n % job.times) / job.times);
      return 0;
    }
    case "hoard":
      for (let held = 0; held < job.bytes; held += 1_000_000) {
        hoarded.push(new Uint8Array(1_000_000).fill(1));
        report(held / job.bytes);
      }
      while (job.isLooping) {
        new Uint8Array(1_000_000).fill(1); // Garbage, so that the collector runs and the size is known.
        report(1);
      }
      return hoarded.length;
  }
  return -1;
}

export default threadMain(run);
