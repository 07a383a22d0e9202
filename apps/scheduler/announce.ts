import { provision, publishDeadLetter } from "@millrace/bus";
import { listUnannounced, markAnnounced } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

const LETTERS_AT_ONCE = 100;

/** Writes the copies of dead letters whose worker did not get to it: it died, or NATS was away. */
export async function announce(ports: SchedulerPorts): Promise<boolean> {
  const letters = await listUnannounced(ports.sql, LETTERS_AT_ONCE);
  if (letters.length === 0) return false;
  const ends = await Promise.allSettled(letters.map(({ letter }) => publishDeadLetter(ports.bus, letter)));
  const written = letters.filter((_, index) => ends[index]?.status === "fulfilled");
  await markAnnounced(
    ports.sql,
    written.map(({ seq }) => seq),
  );
  const failure = ends.find((end) => end.status === "rejected");
  if (failure === undefined) return letters.length === LETTERS_AT_ONCE;
  const { created } = await provision(ports.bus);
  if (created.length === 0) throw failure.reason; // The stream is there; something else is wrong.
  ports.log.error("the stream DLQ was gone and is made anew", { created });
  return true;
}
