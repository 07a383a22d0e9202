export interface TestPlan {
  /** Each is a run of its own; two go at a time, since most of their time they wait for something to come back. */
  readonly beside: readonly (readonly string[])[];
  /** Afterwards, with the machine for itself: stories that compare times. */
  readonly alone: readonly string[];
}

const CHAOS = "tests/chaos/";
const STORIES = "tests/flow/";

/** How the whole suite is run: everything at once would disturb what measures, one after the other would take twice as long. */
export function planTests(files: readonly string[]): TestPlan {
  const isChaos = (file: string) => file.startsWith(CHAOS);
  const isStory = (file: string) => file.startsWith(STORIES);
  const small = files.filter((file) => !isChaos(file) && !isStory(file));
  const beside = [small, ...files.filter(isChaos).map((file) => [file])];
  return { beside: beside.filter((run) => run.length > 0), alone: files.filter(isStory) };
}
