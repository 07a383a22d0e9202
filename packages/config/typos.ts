import { editDistance } from "@millrace/core/edit-distance";

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
