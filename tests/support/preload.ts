import { afterAll, setDefaultTimeout } from "bun:test";
import { endScratch } from "./scratch.ts";

/** Real servers take a moment to start, and a busy machine longer. A test that hangs is still found. */
setDefaultTimeout(30_000);

/** Servers are started by the first test that needs one; after the last test they go, also when tests failed. */
afterAll(endScratch);
