import { afterAll, setDefaultTimeout } from "bun:test";
import { endScratch } from "./scratch.ts";

/**
 * Real servers take a moment to start, and a busy machine longer. Bun 1.4.5 forgets this after the first file: for a
 * single file that is enough, `bun run test` gives --timeout, and a test that is slow by nature says so itself.
 */
setDefaultTimeout(30_000);

/** Servers are started by the first test that needs one; after the last test they go, also when tests failed. */
afterAll(endScratch);
