export interface TestPlan {
  /** Each is a run of its own; a few go at a time, since most of their time they wait for something to come back. */
  readonly beside: readonly (readonly string[])[];
  /** Afterwards, with the machine for itself. */
  readonly alone: readonly string[];
}

const CHAOS = "tests/chaos/";
const STORIES = "tests/flow/";
/** So many stories share one run, and thereby its PostgreSQL. */
const STORIES_PER_RUN = 6;
/** Stands among the first lines of a file that compares times or memory: beside others it would measure those. */
const ALONE = "// Runs alone:";
const MARK_CHARS = 1_000;

/** How the whole suite is run: everything at once would disturb what measures, one after the other would take twice as long. */
export function planTests(files: readonly string[], read: (file: string) => string): TestPlan {
  const isAlone = (file: string) => read(file).slice(0, MARK_CHARS).includes(ALONE);
  const alone = files.filter(isAlone);
  const rest = files.filter((file) => !alone.includes(file));
  const small = rest.filter((file) => !file.startsWith(CHAOS) && !file.startsWith(STORIES));
  const chaos = rest.filter((file) => file.startsWith(CHAOS)).map((file) => [file]);
  const stories = rest.filter((file) => file.startsWith(STORIES));
  const beside = [small, ...chaos, ...groups(stories, STORIES_PER_RUN)];
  return { beside: beside.filter((run) => run.length > 0), alone };
}

/** Dealt out like cards: stories of one part of the product take alike long, and stand side by side by their names. */
function groups<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, n) => items.filter((_item, index) => index % count === n));
}
