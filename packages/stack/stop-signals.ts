import { readFileSync } from "node:fs";

export interface StopRequest {
  /** Resolves with the signal that asked for an orderly stop. */
  readonly asked: Promise<string>;
  /** Resolves when somebody does not want to wait for it. */
  readonly forced: Promise<void>;
  /** Takes the handlers away. */
  forget(): void;
}

/** One Ctrl-C can arrive more than once: from the terminal, and passed on by whoever started us. */
const SAME_WISH_MS = 500;

export function watchStopSignals(): StopRequest {
  const asked = Promise.withResolvers<string>();
  const forced = Promise.withResolvers<void>();
  let firstMs: number | undefined;
  const handle = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    firstMs ??= nowMs;
    asked.resolve(signal);
    if (nowMs - firstMs > SAME_WISH_MS) forced.resolve();
  };
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).filter(
    (each) => each !== "SIGHUP" || !isHangUpIgnored(),
  );
  for (const signal of signals) process.on(signal, handle);
  return {
    asked: asked.promise,
    forced: forced.promise,
    forget: () => {
      for (const signal of signals) process.off(signal, handle);
    },
  };
}

/** Whoever starts us with `nohup` wants us to outlive the terminal; a handler would undo that. Known on Linux only. */
function isHangUpIgnored(): boolean {
  if (process.platform !== "linux") return false;
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}
