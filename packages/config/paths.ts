const PATH_CHARS_MAX = 1_024;

export function isPath(given: string): boolean {
  return given.length <= PATH_CHARS_MAX && !given.includes("\0");
}
