/**
 * Events in one run: how fast they are accepted, how fast they get into PostgreSQL, and beside it, on the same machine
 * within the same minutes, a bare COPY of the same rows and InfluxDB. Absolute figures are those of a machine; read the
 * ratios.
 */
import { perSecond } from "./event-lines.ts";
import { measureAccepted } from "./events-accepted.ts";
import { measureInfluxdb } from "./events-influxdb.ts";
import { measureStored } from "./events-stored.ts";

export async function benchEvents(say: (line: string) => void): Promise<void> {
  const accepted = await measureAccepted(say);
  const stored = await measureStored(say);
  const influxdb = await measureInfluxdb(say);
  say("ratios of this run");
  say(`  the drain of the stream to a bare COPY: ${ratio(stored.drained, stored.copied)}`);
  say(`  the whole way to a bare COPY: ${ratio(stored.wholeWay, stored.copied)}`);
  if (influxdb === undefined) return;
  say(`  InfluxDB ${influxdb.version}: in batches ${perSecond(influxdb.batches)}/s`);
  say(`  accepted in batches to InfluxDB's writes: ${ratio(accepted.batches, influxdb.batches)}`);
  say(`  the whole way into PostgreSQL to InfluxDB's writes: ${ratio(stored.wholeWay, influxdb.batches)}`);
  say(`  one event per request to one point per request: ${ratio(accepted.singles, influxdb.singles)}`);
}

function ratio(one: number, other: number): string {
  return (one / other).toFixed(2);
}
