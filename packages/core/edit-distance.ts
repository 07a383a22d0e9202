/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && isSwap) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

/** So many slips make a short word another one. */
const SLIPS_MAX = 2;
const SHORT_CHARS = 5;

/** The known word that was probably meant: begun and not ended, or misspelt; undefined when none looks like it. */
export function likeliestWord(given: string, known: readonly string[]): string | undefined {
  const begun = given === "" ? [] : known.filter((word) => word.startsWith(given));
  if (begun.length === 1) return begun[0];
  const slipsMax = given.length < 2 ? 0 : given.length < SHORT_CHARS ? 1 : SLIPS_MAX;
  const [nearest] = known
    .map((word) => ({ word, slips: editDistance(given, word) }))
    .filter(({ slips }) => slips <= slipsMax)
    .sort((a, b) => a.slips - b.slips);
  return nearest?.word;
}
