/** Builds the page if it is not there, and says in which folder it is: `DASHBOARD_FOLDER=$(bun apps/dashboard/build-main.ts)`. */
import { buildDashboard } from "./build.ts";

process.stdout.write(`${await buildDashboard()}\n`);
