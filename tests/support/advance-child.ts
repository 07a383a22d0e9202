/** A process that tells children of their parents' ends, made to be killed on the way. Argument: the database's URL. */
import { advanceGraphs, openPool } from "@millrace/store";

const sql = openPool({ url: process.argv[2] ?? "", max: 1, applicationName: "advance-child", isByKey: true });
await advanceGraphs(sql);
await sql.end();
