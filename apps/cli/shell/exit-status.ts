/** What a script can tell from a command's exit status; the README lists the same. */
export const EXIT = {
  done: 0,
  /** The API said no, refused some of it, or what was waited for did not come. */
  failed: 1,
  /** The arguments make no sense, or the API found the input wrong. */
  usage: 2,
  /** There is no stack, or it does not answer. */
  unreachable: 3,
  /** The key is missing or wrong, or lacks the right. */
  unauthorised: 4,
  /** Somebody pressed Ctrl-C. */
  interrupted: 130,
} as const;
