import { answerForPart, type Bus } from "@millrace/bus";
import type { Ports } from "../ports.ts";

/** Tells every api process that asks, this one included, how this one is and what it has taken in. */
export function answerAsPart(bus: Bus, { health, eventIntake }: Pick<Ports, "health" | "eventIntake">): void {
  const instance = Bun.randomUUIDv7();
  answerForPart(bus, async () => ({
    name: "api",
    instance,
    ...(await health.ready()),
    details: { events_accepted: eventIntake.accepted },
  }));
}
