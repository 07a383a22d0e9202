/** What is said after an order: nothing, or a further line that names those who do not go by it yet. */
export function pendingLine(pending: readonly string[] = []): string {
  return pending.length === 0
    ? ""
    : `\nnot yet heard by ${pending.join(", ")}: they read it within half a minute`;
}
