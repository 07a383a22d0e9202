import type { LeaseRoute } from "@millrace/protocol";
import type { Sql, Transaction } from "../connect.ts";

/** What `routeOf` gives: null by a message alone, 1 by a message and to be leased, 2 to be leased alone. */
export const SHELVED = 2;

/**
 * How a task finds who runs it, by its type: one look into the key of a small table. Read in the statement that opens the
 * task, so that whoever changes the route later finds all tasks that were opened by the former one.
 * @param typeColumn is part of the statement: never anything from outside.
 */
export function routeOf(sql: Sql | Transaction, typeColumn: "x.task_type" | "t.task_type") {
  return sql`(
    select case when not r.is_embedded then ${SHELVED}::integer when r.is_leased then 1 end
    from task_routes r where r.task_type = ${sql.unsafe(typeColumn)})`;
}

/**
 * The same for many tasks, as a table `routes` for the statement to join by `task_type`: a look for each type, and none for
 * each task. Measured: 3 µs a task for looks of their own, on two busy cores.
 */
export function routesOf(sql: Sql | Transaction, types: ReadonlySet<string>) {
  return sql`routes as materialized (
      select r.task_type, case when not r.is_embedded then ${SHELVED}::integer when r.is_leased then 1 end as route
      from task_routes r where r.task_type = any(${[...types]}::text[])
    )`;
}

export function withRoute(route: number | null): { readonly route?: LeaseRoute } {
  if (route === null) return {};
  return { route: route === SHELVED ? "shelved" : "shared" };
}
