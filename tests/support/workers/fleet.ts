import { join } from "node:path";
import type { Sql } from "@millrace/store";

const MAIN = join(import.meta.dirname, "fleet-process.ts");

export interface FleetProcess {
  readonly child: Bun.Subprocess;
  /** Words that it said: what was wrong, and who had more than it may. */
  readonly said: readonly Readonly<Record<string, unknown>>[];
}

export interface FleetWish {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly prefix: string;
  readonly workers: number;
  readonly taskType: string;
  readonly slots: number;
  readonly heartbeatS: number;
}

/** Several workers over HTTP in one process. */
export function startFleet(wish: FleetWish): FleetProcess {
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { ...process.env, FLEET: JSON.stringify(wish) },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said: Record<string, unknown>[] = [];
  void (async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) said.push(JSON.parse(line));
    }
  })();
  return { child, said };
}

/** The most tasks that each life of a worker held at once, by the rows alone. */
export async function mostHeld(
  sql: Sql,
  prefix: string,
): Promise<readonly { session: string; most: number }[]> {
  return await sql<{ session: string; most: number }[]>`
    with moments as (
      select claimed_by, started_at as at, 1 as step from outcomes where claimed_by like ${`${prefix}%`}
      union all
      select claimed_by, ended_at, -1 from outcomes where claimed_by like ${`${prefix}%`}
    ), held as (
      select claimed_by, sum(step) over (partition by claimed_by order by at, step) as held from moments
    )
    select claimed_by as session, max(held)::integer as most from held group by 1`;
}
