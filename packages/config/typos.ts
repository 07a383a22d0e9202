/** A name this close to one of ours was probably meant to be it. */
const DISTANCE_MAX = 2;

/**
 * Pairs of an unknown name and the name of ours that it looks like. A name whose likeness is set as well is left alone:
 * then both were meant.
 */
export function findTypos(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): readonly { readonly name: string; readonly meant: string }[] {
  const ours = new Set(known);
  return Object.keys(env)
    .filter((name) => !ours.has(name) && env[name] !== undefined)
    .flatMap((name) => {
      const meant = known.find((candidate) => env[candidate] === undefined && isClose(name, candidate));
      return meant === undefined ? [] : [{ name, meant }];
    });
}

function isClose(name: string, candidate: string): boolean {
  if (Math.abs(name.length - candidate.length) > DISTANCE_MAX) return false;
  // In a short name two changes make another word: APP_HOST is nobody's slip for API_PORT.
  const distanceMax = candidate.length < 10 ? 1 : DISTANCE_MAX;
  return editDistance(name.toUpperCase(), candidate) <= distanceMax;
}

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
