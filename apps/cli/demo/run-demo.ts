import { formatTable } from "../shell/table.ts";
import type { Part, PartReport, Stage } from "./part.ts";
import { deadLetters } from "./parts/dead-letters.ts";
import { events } from "./parts/events.ts";
import { files } from "./parts/files.ts";
import { flakyCalls } from "./parts/flaky-calls.ts";
import { graph } from "./parts/graph.ts";
import { simulatedFailures } from "./parts/simulated-failures.ts";
import { urgentFirst } from "./parts/urgent-first.ts";

/** In the order in which they are shown. */
export const PARTS: readonly Part[] = [
  events,
  simulatedFailures,
  flakyCalls,
  deadLetters,
  graph,
  urgentFirst,
  files,
];

interface Played {
  readonly part: Part;
  readonly report: PartReport;
  readonly tookMs: number;
}

/** Plays the parts one after the other, and sums up. True when everything came out as predicted. */
export async function runDemo(stage: Stage, parts: readonly Part[] = PARTS): Promise<boolean> {
  const startedMs = performance.now();
  const played: Played[] = [];
  for (const [index, part] of parts.entries()) {
    stage.signal.throwIfAborted();
    stage.board.line(`\n${index + 1}/${parts.length} ${part.name}: ${part.story}`);
    const partMs = performance.now();
    const report = await part.run(stage);
    played.push({ part, report, tookMs: performance.now() - partMs });
    for (const { claim, holds, seen } of report.claims)
      stage.board.line(`  ${holds ? "✓" : "✗"} ${claim}: ${seen}`);
  }
  return sumUp(stage, played, performance.now() - startedMs);
}

function sumUp({ board }: Stage, played: readonly Played[], tookMs: number): boolean {
  const rows = played.map(({ part, report: { counts, claims }, tookMs: partMs }) => [
    part.name,
    String(counts.completed),
    String(counts.dead),
    String(counts.pending + counts.running),
    String(counts.retries),
    `${(partMs / 1_000).toFixed(1)} s`,
    claims.every(({ holds }) => holds) ? "yes" : "NO",
  ]);
  board.line(
    `\n${formatTable(["part", "completed", "dead", "open", "retries", "took", "as predicted"], rows)}\n`,
  );
  const claims = played.flatMap(({ report }) => report.claims);
  const broken = claims.filter(({ holds }) => !holds);
  const inTime = `in ${(tookMs / 1_000).toFixed(1)} s`;
  for (const { claim, seen } of broken) board.line(`did not hold: ${claim}: ${seen}`);
  board.line(
    broken.length === 0
      ? `all ${claims.length} predictions came true ${inTime}`
      : `${broken.length} of ${claims.length} predictions did not come true, ${inTime}`,
  );
  return broken.length === 0;
}
