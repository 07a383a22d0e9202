export interface PlannedRun {
  readonly files: readonly string[];
  /**
   * Whether what its servers write goes to a disk, as in earnest. Who dies in tests are processes, which a file in memory
   * outlives as well as one on a disk; but where the subject is that nothing is lost, or speed, nothing is made easier.
   */
  readonly isOnDisk: boolean;
}

export interface TestPlan {
  /**
   * Each is a run of its own; a few go at a time, since most of their time they wait for something to come back. What
   * starts last should not be what everybody waits for: the longest comes first, and single files last.
   */
  readonly beside: readonly PlannedRun[];
  /** Afterwards, with the machine for itself. */
  readonly alone: PlannedRun;
}

const CHAOS = "tests/chaos/";
const STORIES = "tests/flow/";
/** So many stories share one run, and thereby its PostgreSQL. */
const STORIES_PER_RUN = 6;
/** Begins one of the first lines of a file that compares times or memory: beside others it would measure those. */
const ALONE = "// Runs alone:";
/** Likewise, of a story that asks how full the disk is, or whose outcome hangs on what is how fast beside what. */
const ON_DISK = "// On a disk:";
const MARK_CHARS = 1_000;
/** The first run has hundreds of files. */
const TOLD_MAX = 6;

/** How the whole suite is run: everything at once would disturb what measures, one after the other would take twice as long. */
export function planTests(files: readonly string[], read: (file: string) => string): TestPlan {
  const isMarked = (file: string, mark: string) =>
    `\n${read(file).slice(0, MARK_CHARS)}`.includes(`\n${mark}`);
  const alone = files.filter((file) => isMarked(file, ALONE));
  const rest = files.filter((file) => !alone.includes(file));
  const chaos = rest.filter((file) => file.startsWith(CHAOS));
  const speed = rest.filter((file) => !chaos.includes(file) && isMarked(file, ON_DISK));
  const inMemory = rest.filter((file) => !chaos.includes(file) && !speed.includes(file));
  const small = inMemory.filter((file) => !file.startsWith(STORIES));
  const stories = groups(
    inMemory.filter((file) => file.startsWith(STORIES)),
    STORIES_PER_RUN,
  );
  const beside = [
    { files: small, isOnDisk: false },
    ...inTurn(
      stories.map((group) => ({ files: group, isOnDisk: false })),
      [...speed, ...chaos].map((file) => ({ files: [file], isOnDisk: true })),
    ),
  ];
  return { beside: beside.filter((run) => run.files.length > 0), alone: { files: alone, isOnDisk: true } };
}

/** Dealt out like cards: stories of one part of the product take alike long, and stand side by side by their names. */
function groups<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, n) => items.filter((_item, index) => index % count === n));
}

/** Stories wait more than they compute; chaos keeps the machine busy, and several at once would be late for nothing. */
function inTurn<Item>(some: readonly Item[], others: readonly Item[]): readonly Item[] {
  const count = Math.max(some.length, others.length);
  return Array.from({ length: count }, (_, n) => [...some.slice(n, n + 1), ...others.slice(n, n + 1)]).flat();
}

/** As a person would type it, as far as that fits a line. */
export function describeRun(args: readonly string[]): string {
  const told = args.slice(0, TOLD_MAX);
  const left = args.length - told.length;
  return `bun test ${told.join(" ")}${left === 0 ? "" : ` and ${left} more`}`;
}
