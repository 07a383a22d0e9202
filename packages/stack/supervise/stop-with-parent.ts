import { isMainThread } from "node:worker_threads";

/**
 * Loaded before a service's own code (`bun --preload`): when the supervisor dies without a word, the service gets the
 * SIGTERM that the supervisor can no longer send, and drains as always. Services need not know.
 */
const PARENT = process.ppid;
const POLL_MS = 500;

if (isMainThread) {
  const watch = setInterval(() => {
    if (process.ppid === PARENT) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, POLL_MS);
  watch.unref();
}
