import { expect, test } from "bun:test";
import { adminOf, readOptions } from "@millrace/stack/options";
import type { Secrets } from "@millrace/stack/secrets";
import { reachable } from "@millrace/stack/start-services";

const SECRETS: Secrets = {
  jwtSecret: "j",
  natsPassword: "n",
  postgresPassword: "p",
  databasePassword: "d",
  adminEmail: "admin@millrace.local",
  adminPassword: "drawn",
  adminApiKey: "key",
};

function optionsOf(env: Record<string, string>) {
  const reading = readOptions(env, "/project");
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.options;
}

test("without a word, the home is in the project and both servers are embedded", () => {
  const { home, natsUrl, databaseUrl } = optionsOf({ NATS_URL: " ", MILLRACE_HOME: "" });
  expect({ home, natsUrl, databaseUrl }).toEqual({
    home: "/project/.millrace",
    natsUrl: undefined,
    databaseUrl: undefined,
  });
});

test("a server that is named is used instead", () => {
  const options = optionsOf({
    NATS_URL: "nats://n:4222",
    DATABASE_URL: "postgres://u:p@d/x",
    MILLRACE_HOME: "/tmp/h",
  });
  expect(options).toMatchObject({
    natsUrl: "nats://n:4222",
    databaseUrl: "postgres://u:p@d/x",
    home: "/tmp/h",
  });
});

test("all mistakes are reported before anything starts", () => {
  const reading = readOptions({ API_PORT: "eighty", MAX_WORKERS: "-1" }, "/project");
  expect(reading.ok ? [] : reading.problems.map(({ name }) => name).sort()).toEqual([
    "API_PORT",
    "MAX_WORKERS",
  ]);
});

test("the administrator is the configured one, else the drawn one", () => {
  const password = "configured-password";
  const { config } = optionsOf({ ADMIN_EMAIL: "me@example.com", ADMIN_PASSWORD: password });
  expect(adminOf(config, SECRETS)).toEqual({ email: "me@example.com", password, apiKey: "key" });
  expect(adminOf(optionsOf({}).config, SECRETS).password).toBe("drawn");
});

test("a server that listens everywhere is found on this machine", () => {
  expect(["0.0.0.0", "::", "::1", "127.0.0.1", "box"].map(reachable)).toEqual([
    "127.0.0.1",
    "[::1]",
    "[::1]",
    "127.0.0.1",
    "box",
  ]);
});
