import { expect, test } from "bun:test";
import { findTypos } from "@millrace/config/typos";

test("a slip in case counts as a slip", () => {
  expect(findTypos({ log_level: "DEBUG" }, ["LOG_LEVEL"])).toEqual([
    { name: "log_level", meant: "LOG_LEVEL" },
  ]);
});

test("a name is left alone when the one it looks like is set too", () => {
  expect(findTypos({ NATS_URLS: "x", NATS_URL: "y" }, ["NATS_URL"])).toEqual([]);
});

test("two changes in a short name make another name", () => {
  expect(findTypos({ APP_PART: "x" }, ["API_PORT"])).toEqual([]);
});

test("a variable that the environment lists as undefined is not there", () => {
  expect(findTypos({ NATS_URLS: undefined }, ["NATS_URL"])).toEqual([]);
});
