const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** For work that goes on until somebody has seen enough: its signal aborts at Ctrl-C, instead of the process's end. */
export async function withInterrupt<T>(work: (interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(interrupted.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}
