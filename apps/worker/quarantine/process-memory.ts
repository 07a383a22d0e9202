import { readFile, writeFile } from "node:fs/promises";

/** Bytes of memory that a process really uses. Null: it is gone, or this system does not tell (only Linux does). */
export async function readMemoryBytes(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** When memory runs out before we look again, the kernel is to end this process and not its worker. */
export async function offerToKernel(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/oom_score_adj`, "1000").catch(() => {}); // Not on every system.
}
