import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ALERT_NAMES } from "@millrace/core/alerts/rules";
import { at, DEPLOY, isFields, listAt, PROJECT, readText, readYaml } from "../../support/deploy-files.ts";

/** Prometheus makes several series of a histogram, and counters end in _total by name. */
const SERIES = /_(bucket|count|sum)$/;

function sources(): string {
  const files = ["apps", "packages"].flatMap((group) =>
    readdirSync(join(PROJECT, group), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.includes("node_modules"))
      .map((path) => readFileSync(join(PROJECT, group, path), "utf8")),
  );
  return files.join("\n");
}

const rules = readYaml("deploy/prometheus/rules.yml").flatMap((file) =>
  listAt(file, "groups").flatMap((group) => listAt(group, "rules")),
);
const alerts = rules.map((rule) => at(rule, "alert")).filter((name) => typeof name === "string");

test("every metric that rules, dashboard and runbooks speak of is made by the code, or recorded by a rule", () => {
  const code = sources();
  const dashboard = readText("deploy/grafana/millrace.json");
  const runbooks = readText("deploy/prometheus/README.md");
  const records = new Set(rules.map((rule) => at(rule, "record")));
  const spoken = [dashboard, runbooks, ...rules.map((rule) => String(at(rule, "expr")))].flatMap(
    (text) => text.match(/\b(?:[a-z_]+:)?millrace[:_][a-z0-9_:]+/g) ?? [],
  );
  expect(spoken.length).toBeGreaterThan(40);
  const unknown = [...new Set(spoken)]
    .filter((name) => !records.has(name))
    .filter((name) => !code.includes(`"${name}"`) && !code.includes(`"${name.replace(SERIES, "")}"`));
  expect(unknown).toEqual([]);
});

test("every alert has a runbook, and every runbook its alert", () => {
  const runbooks = readText("deploy/prometheus/README.md");
  const written = [...runbooks.matchAll(/^### (Millrace\w+)$/gm)].map(([, name = ""]) => name);
  expect(written.sort()).toEqual([...alerts].sort());
});

test("every alert of the product itself has a runbook there as well", () => {
  const runbooks = readText("deploy/prometheus/README.md");
  const own = runbooks.slice(runbooks.indexOf("## The product's own alerts"));
  const written = [...own.matchAll(/^### (\w+)$/gm)].map(([, name = ""]) => name);
  expect(written.sort()).toEqual([...ALERT_NAMES].sort());
});

test("a part of which nothing is left is told of, by its name", () => {
  const absent = rules.map(
    (rule) => /^absent\(\w+\{service="(\w+)"\}\)$/.exec(String(at(rule, "expr")))?.[1],
  );
  expect(absent.filter((part) => part !== undefined).sort()).toEqual([
    "api",
    "recorder",
    "scheduler",
    "worker",
  ]);
});

test("every alert that a document names exists", () => {
  const named = readText("deploy/README.md").match(/\bMillrace[A-Z]\w+/g) ?? [];
  expect(named.filter((name) => !alerts.includes(name))).toEqual([]);
});

test("every variable that the documents of deploy/ name is one that Millrace or compose.env.example knows", () => {
  const example = readText(".env.example") + readText("deploy/compose.env.example");
  const named = readText("deploy/README.md").match(/`[A-Z][A-Z0-9]*_[A-Z0-9_]+(?==|`)/g) ?? [];
  expect(named.length).toBeGreaterThan(10);
  const foreign =
    /^(MILLRACE_URL|MILLRACE_API_KEY|MALLOC_ARENA_MAX|GOMEMLIMIT|NPM_CONFIG_REGISTRY|NODE_EXTRA_CA_CERTS|BUN_IMAGE|OTEL_EXPORTER_OTLP_COMPRESSION)$/;
  const unknown = named.map((name) => name.slice(1)).filter((name) => !foreign.test(name));
  expect(unknown.filter((name) => !new RegExp(`^#? ?${name}=`, "m").test(example))).toEqual([]);
});

test("Grafana is given the dashboard and the Prometheus that compose starts", () => {
  const [datasources] = readYaml("deploy/grafana/provisioning/datasources/millrace.yaml");
  const [dashboards] = readYaml("deploy/grafana/provisioning/dashboards/millrace.yaml");
  const [compose] = readYaml("deploy/compose.yaml");
  const services = at(compose, "services");
  const url = new URL(String(at(datasources, "datasources", 0, "url")));
  expect(isFields(services) ? Object.keys(services) : []).toContain(url.hostname);
  const folder = String(at(dashboards, "providers", 0, "options", "path"));
  expect(listAt(services, "grafana", "volumes")).toContain(
    `./grafana/millrace.json:${folder}/millrace.json:ro`,
  );
  expect(readdirSync(join(DEPLOY, "grafana/provisioning")).sort()).toEqual(["dashboards", "datasources"]);
});
