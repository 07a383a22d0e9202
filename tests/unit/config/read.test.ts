import { describe, expect, test } from "bun:test";
import { type Config, type ConfigProblem, formatProblems, readConfig, VARIABLES } from "@millrace/config";
import * as fc from "fast-check";

function accepted(env: Record<string, string>): Config {
  const reading = readConfig(env);
  if (!reading.ok) throw new Error(formatProblems(reading.problems));
  return reading.config;
}

function problemsOf(env: Record<string, string>): readonly ConfigProblem[] {
  const reading = readConfig(env);
  return reading.ok ? [] : reading.problems;
}

describe("defaults", () => {
  test("an empty environment is a complete configuration", () => {
    expect(accepted({})).toMatchObject({
      apiHost: "127.0.0.1",
      apiPort: 8000,
      maxWorkers: 10,
      longSlots: 5,
      maxFileWorkers: 2,
      taskTimeoutS: 300,
      shortTimeoutS: 30,
      fileTimeoutS: 120,
      heartbeatIntervalS: 30,
      logLevel: "INFO",
      metricsEnabled: true,
      healthPort: 0,
      home: ".millrace",
      storageUrl: "file:.millrace/files",
      httpAllowLoopback: false,
      httpAllowHosts: [],
      databaseUrl: undefined,
      natsUrls: undefined,
      logFormat: undefined,
    });
  });

  test("every default satisfies its own limits", () => {
    const texts = Object.values(VARIABLES).filter((variable) => !/^$|^\(/.test(variable.defaultText));
    expect(texts.length).toBeGreaterThan(10);
    for (const variable of texts) expect(variable.parse(variable.defaultText)).toEqual(variable.default);
  });

  test("a blank variable counts as not set", () => {
    expect(accepted({ API_PORT: "", MAX_WORKERS: "  " })).toMatchObject({ apiPort: 8000, maxWorkers: 10 });
  });

  test("zero is a value, not an absence", () => {
    expect(accepted({ API_PORT: "0", LONG_SLOTS: "0" })).toMatchObject({ apiPort: 0, longSlots: 0 });
  });

  test("uploads are kept in MILLRACE_HOME unless STORAGE_URL says otherwise", () => {
    expect(accepted({ MILLRACE_HOME: "/srv/mill" }).storageUrl).toBe("file:/srv/mill/files");
    expect(accepted({ STORAGE_URL: "s3://bucket" }).storageUrl).toBe("s3://bucket");
  });

  test.each([
    ["1", 0],
    ["2", 1],
    ["3", 1],
    ["1000", 500],
  ])("of %s slots, %i belong to the long lane", (maxWorkers, longSlots) => {
    expect(accepted({ MAX_WORKERS: maxWorkers }).longSlots).toBe(longSlots);
  });
});

describe("what is accepted", () => {
  test.each([
    ["API_PORT", " 8080 ", "apiPort", 8080],
    ["API_HOST", "::1", "apiHost", "::1"],
    ["API_HOST", "api.internal", "apiHost", "api.internal"],
    ["METRICS_ENABLED", "0", "metricsEnabled", false],
    ["METRICS_ENABLED", "TRUE", "metricsEnabled", true],
    ["LOG_LEVEL", "warning", "logLevel", "WARNING"],
    ["LOG_FORMAT", "json", "logFormat", "json"],
    ["DATABASE_URL", "postgres://u:p@db:5432/m", "databaseUrl", "postgres://u:p@db:5432/m"],
    ["NATS_URL", "nats://a:4222, tls://b:4222", "natsUrls", ["nats://a:4222", "tls://b:4222"]],
    ["STORAGE_URL", "file:relative/folder", "storageUrl", "file:relative/folder"],
    ["HTTP_ALLOW_HOSTS", "10.1.0.0/16, ::1,db", "httpAllowHosts", ["10.1.0.0/16", "::1", "db"]],
    ["WORKER_ID", "worker-1.eu", "workerId", "worker-1.eu"],
  ])("%s=%s", (name, given, key, value) => {
    expect(accepted({ [name]: given })[key as keyof Config]).toEqual(value);
  });
});

describe("what is refused, by name", () => {
  test.each([
    ["API_PORT", "65536"],
    ["API_PORT", "-1"],
    ["API_PORT", "80.5"],
    ["API_PORT", "1e3"],
    ["API_PORT", "0x50"],
    ["API_PORT", "99999999999999999999"],
    ["API_HOST", "10.0.0.300"],
    ["API_HOST", "http://localhost"],
    ["MAX_WORKERS", "0"],
    ["MAX_WORKERS", "1001"],
    ["TASK_TIMEOUT", "30s"],
    ["TASK_TIMEOUT", "86401"],
    ["SHORT_TIMEOUT", "61"],
    ["HEARTBEAT_INTERVAL", "0"],
    ["METRICS_ENABLED", "yes"],
    ["METRICS_ENABLED", "constructor"],
    ["LOG_LEVEL", "TRACE"],
    ["DATABASE_URL", "mysql://db/m"],
    ["DATABASE_URL", "postgres:db"],
    ["NATS_URL", "nats:localhost"],
    ["NATS_URL", "nats://a:4222,,nats://b:4222"],
    ["NATS_URL", "localhost:4222"],
    ["STORAGE_URL", "file:"],
    ["STORAGE_URL", "s3://"],
    ["HTTP_ALLOW_HOSTS", "10.0.0.0/33"],
    ["HTTP_ALLOW_HOSTS", "fd00::/129"],
    ["HTTP_ALLOW_HOSTS", "*.internal"],
    ["HTTP_ALLOW_HOSTS", Array(101).fill("a").join(",")],
    ["JWT_SECRET", "short"],
    ["WORKER_ID", "a worker"],
    ["WORKER_ID", "-w"],
  ])("%s=%s", (name, given) => {
    const [problem, ...others] = problemsOf({ [name]: given });
    expect(problem?.name).toBe(name);
    expect(problem?.message).toContain("it must be ");
    expect(others).toEqual([]);
  });

  test("all mistakes are reported together", () => {
    const env = { API_PORT: "eighty", LOG_LEVEL: "loud", MAX_WORKERS: "0", DATABASE_URL: "db" };
    expect(problemsOf(env).map((problem) => problem.name)).toEqual([
      "API_PORT",
      "DATABASE_URL",
      "MAX_WORKERS",
      "LOG_LEVEL",
    ]);
  });

  test("the message shows what was given and what is expected", () => {
    expect(formatProblems(problemsOf({ TASK_TIMEOUT: "soon" }))).toBe(
      '  TASK_TIMEOUT "soon" does not fit; it must be an integer from 1 to 86400, in seconds',
    );
  });

  test("a long value is cut", () => {
    expect(problemsOf({ LOG_LEVEL: "x".repeat(10_000) })[0]?.message.length).toBeLessThan(200);
  });

  test.each(["JWT_SECRET", "ADMIN_API_KEY", "DATABASE_URL", "NATS_URL", "ADMIN_PASSWORD"])(
    "a wrong %s is not shown",
    (name) => {
      const problems = problemsOf({ [name]: "hunter2" });
      expect(problems[0]?.name).toBe(name);
      expect(JSON.stringify(problems)).not.toContain("hunter2");
    },
  );

  test("more long slots than slots are refused, and only when MAX_WORKERS itself is sound", () => {
    expect(problemsOf({ MAX_WORKERS: "4", LONG_SLOTS: "5" }).map(({ name }) => name)).toEqual(["LONG_SLOTS"]);
    expect(problemsOf({ MAX_WORKERS: "x", LONG_SLOTS: "50" }).map(({ name }) => name)).toEqual([
      "MAX_WORKERS",
    ]);
  });

  test("FILE_RETENTION_DAYS, which is TASK_RETENTION_DAYS when absent and never longer", () => {
    expect(accepted({ TASK_RETENTION_DAYS: "7" })).toMatchObject({ fileRetentionDays: 7 });
    const both = { TASK_RETENTION_DAYS: "7", FILE_RETENTION_DAYS: "7" };
    expect(accepted(both)).toMatchObject({ fileRetentionDays: 7 });
    expect(problemsOf({ ...both, FILE_RETENTION_DAYS: "8" }).map(({ name }) => name)).toEqual([
      "FILE_RETENTION_DAYS",
    ]);
  });

  test.each([
    ["ADMIN_EMAIL", "a@example.org", "ADMIN_PASSWORD"],
    ["ADMIN_PASSWORD", "correct horse", "ADMIN_EMAIL"],
    ["S3_ACCESS_KEY_ID", "k", "S3_SECRET_ACCESS_KEY"],
    ["S3_SECRET_ACCESS_KEY", "s", "S3_ACCESS_KEY_ID"],
  ])("half a pair is refused: %s=%s misses %s", (name, given, missing) => {
    expect(problemsOf({ [name]: given }).map((problem) => problem.name)).toEqual([missing]);
  });
});

describe("required", () => {
  test("what a process cannot do without is reported when absent, with what it is", () => {
    const reading = readConfig({}, ["databaseUrl", "natsUrls"]);
    expect(reading.ok ? [] : reading.problems.map(({ name }) => name)).toEqual(["DATABASE_URL", "NATS_URL"]);
  });

  test("a required variable that is wrong is reported once", () => {
    const reading = readConfig({ DATABASE_URL: "db" }, ["databaseUrl"]);
    expect(reading.ok ? [] : reading.problems.map(({ name }) => name)).toEqual(["DATABASE_URL"]);
  });

  test("a required variable with a derived default is never missing", () => {
    expect(readConfig({}, ["storageUrl", "longSlots"]).ok).toBe(true);
  });
});

describe("warnings", () => {
  test("a likely slip of a name is told, and stops nothing", () => {
    const reading = readConfig({ MAX_WORKER: "5", DATABSE_URL: "x", PATH: "/bin" });
    expect(reading.ok).toBe(true);
    expect(reading.warnings.map(({ name }) => name)).toEqual(["MAX_WORKER", "DATABSE_URL"]);
    expect(reading.warnings[0]?.message).toContain("MAX_WORKERS");
  });

  test("a worker without slots in one lane is told", () => {
    expect(readConfig({ MAX_WORKERS: "1" }).warnings.map(({ name }) => name)).toEqual(["LONG_SLOTS"]);
    expect(readConfig({ LONG_SLOTS: "10" }).warnings.map(({ name }) => name)).toEqual(["LONG_SLOTS"]);
    expect(readConfig({}).warnings).toEqual([]);
  });
});

test("no environment makes it throw, and what it accepts is within the limits", () => {
  const names = Object.values(VARIABLES).map((variable) => variable.name);
  const env = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.string(), fc.nat().map(String)));
  fc.assert(
    fc.property(env, (given) => {
      const reading = readConfig(given);
      if (!reading.ok) return reading.problems.length > 0;
      const { apiPort, maxWorkers, longSlots, shortTimeoutS } = reading.config;
      return apiPort <= 65_535 && longSlots <= maxWorkers && shortTimeoutS >= 1 && shortTimeoutS <= 60;
    }),
  );
});
