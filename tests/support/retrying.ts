const PAUSE_MS = 50;
const LIMIT_MS = 60_000;

/** Asks again while the other side is away; false and errors of the connection mean "not yet". */
export async function retrying(what: string, isDone: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      if (await isDone()) return;
    } catch (error) {
      if (!isOfConnection(error)) throw error;
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}`);
    await Bun.sleep(PAUSE_MS);
  }
}

/** The answer of a server that may be away for a while. */
export async function onceItAnswers<T>(ask: () => Promise<T>): Promise<T> {
  const answers: T[] = [];
  await retrying("an answer", async () => {
    answers.push(await ask());
    return true;
  });
  const [answer] = answers;
  if (answers.length === 0) throw new Error("no answer");
  return answer as T; // There is one, as was just checked.
}

const CODES = new Set([
  ...["ConnectionRefused", "ConnectionClosed", "ECONNREFUSED", "ECONNRESET", "EPIPE"],
  ...["CONNECTION_CLOSED", "CONNECTION_ENDED", "CONNECT_TIMEOUT", "57P01", "57P02", "57P03"],
]);

export function isOfConnection(error: unknown): boolean {
  return error instanceof Error && "code" in error && CODES.has(String(error.code));
}
