import type { Bus } from "./connect.ts";

/** Calls when the stream has another leader: what was on its way to the former one may be lost. */
export function onStreamLeader({ connection }: Bus, stream: string, handle: () => void): () => void {
  const subject = `$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${stream}`;
  const subscription = connection.subscribe(subject, {
    callback: (error) => {
      if (error === null) handle();
    },
  });
  return () => subscription.unsubscribe();
}

const SETTLE_MS = 100;

/**
 * Calls when consumers of the stream have other leaders. A former one may have died with the pulls that stood with it:
 * nobody answers those, so who waits must ask again. Several that change hands together are one call.
 */
export function onConsumerLeaders({ connection }: Bus, stream: string, handle: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const subject = `$JS.EVENT.ADVISORY.CONSUMER.LEADER_ELECTED.${stream}.*`;
  const subscription = connection.subscribe(subject, {
    callback: (error) => {
      if (error !== null) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        handle();
      }, SETTLE_MS);
    },
  });
  return () => {
    clearTimeout(timer);
    subscription.unsubscribe();
  };
}
