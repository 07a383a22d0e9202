/** A state as a word with a colour and a form: nobody has to tell colours apart. */
const TONES: Readonly<Record<string, string>> = {
  completed: "good",
  done: "good",
  active: "good",
  up: "good",
  ready: "good",
  stored: "good",
  resolved: "good",
  running: "busy",
  processing: "busy",
  uploading: "busy",
  failed: "bad square",
  dead: "bad square",
  down: "bad square",
  lost: "bad square",
  firing: "bad square",
  critical: "bad square",
  unhealthy: "warn square",
  degraded: "warn square",
  draining: "warn square",
  warning: "warn square",
  paused: "warn square",
  cancelled: "idle square",
  closed: "good",
  open: "bad square",
  forced_open: "bad square",
  half_open: "warn square",
  closing: "warn square",
  forced_closed: "warn square",
};

const WORDS: Readonly<Record<string, string>> = {
  retry_wait: "retry wait",
  half_open: "half open",
  forced_open: "forced open",
  forced_closed: "forced closed",
};

/** Levels of events, by their usual names; others are shown without colour. */
const LEVELS: Readonly<Record<string, string>> = {
  error: "bad square",
  critical: "bad square",
  fatal: "bad square",
  warning: "warn square",
  warn: "warn square",
  info: "busy",
};

export function Badge({ word }: { readonly word: string }) {
  return <span class={`badge ${TONES[word] ?? "idle hollow"}`}>{WORDS[word] ?? word}</span>;
}

export function LevelBadge({ level }: { readonly level: string }) {
  return <span class={`badge ${LEVELS[level.toLowerCase()] ?? "idle hollow"}`}>{level}</span>;
}

export function toneOf(word: string): string {
  return (TONES[word] ?? "idle").replace(" square", "");
}
