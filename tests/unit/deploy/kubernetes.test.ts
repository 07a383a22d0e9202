import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { readConfig, VARIABLES } from "@millrace/config";
import { LANES } from "@millrace/core";
import { DRAIN_MS_MAX, PRIORITY_MAX, WORKER_DRAIN_MS_MAX } from "@millrace/core/limits";
import {
  at,
  listAt,
  type Manifest,
  namesInEnvFile,
  PROJECT,
  readManifests,
  readText,
} from "../../support/deploy-files.ts";
import { KINDS, schemaProblem } from "../../support/kubernetes-kinds.ts";

const manifests = readManifests();
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const deployments = ofKind("Deployment");
const KUSTOMIZE = new Set(["Kustomization", "Component"]);
/** Of the backup plugin, whose schema nobody publishes as a package: what is known of it is tested below. */
const UNKNOWN = new Set(["ObjectStore"]);
const COMPILE_MS_MAX = 120_000;
/** Of an api that was told to stop. */
const NOTICE_S = Number(/^DRAIN_NOTICE=(\d+)$/m.exec(readText("deploy/kubernetes/base/millrace.env"))?.[1]);

function containerOf({ fields }: Manifest): unknown {
  return listAt(fields, "spec", "template", "spec", "containers")[0];
}

function variablesOf(
  manifest: Manifest,
): readonly { readonly name: string; readonly value: unknown; readonly from: unknown }[] {
  return listAt(containerOf(manifest), "env").map((entry) => ({
    name: String(at(entry, "name")),
    value: at(entry, "value"),
    from: at(entry, "valueFrom", "secretKeyRef"),
  }));
}

/** Compiles each manifest as a value of its kind's type; the compiler's words when it does not fit. */
async function compile(sources: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-manifests-"));
  try {
    const names = Object.keys(sources).map((name) => `${name}.ts`);
    await Promise.all(
      Object.entries(sources).map(([name, text]) => Bun.write(join(folder, `${name}.ts`), text)),
    );
    const flags = "--noEmit --strict --skipLibCheck --allowImportingTsExtensions --pretty false";
    const modules = "--module preserve --moduleResolution bundler";
    const child = Bun.spawn(
      [join(PROJECT, "node_modules/.bin/tsc"), ...flags.split(" "), ...modules.split(" "), ...names],
      { cwd: folder, stdout: "pipe", stderr: "inherit" },
    );
    const [said] = await Promise.all([child.stdout.text(), child.exited]);
    return said.split("\n").filter((line) => line.includes("error TS"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sourceOf(kind: string, fields: unknown): string {
  const kinds = join(PROJECT, "tests/support/kubernetes-kinds.ts");
  const value = JSON.stringify(fields, null, 1);
  return `import type { Kinds } from ${JSON.stringify(kinds)};\nexport const manifest: Kinds["${kind}"] = ${value};\n`;
}

test(
  "every manifest is what Kubernetes' own types take, without a field that nobody knows",
  async () => {
    const own = manifests.filter(({ kind }) => !KUSTOMIZE.has(kind) && !UNKNOWN.has(kind));
    expect(own.length).toBeGreaterThan(20);
    const sources = own.map(({ kind, name, fields }) => [`${kind}-${name}`, sourceOf(kind, fields)] as const);
    expect(new Set(sources.map(([name]) => name)).size).toBe(own.length);
    const wrong = ["Deployment", "ScaledObject", "Cluster"].map((kind) => {
      const [first] = ofKind(kind);
      const spec = { ...Object(first?.fields.spec), replicaCount: 2 };
      return [`a-wrong-${kind}`, sourceOf(kind, { ...first?.fields, spec })] as const;
    });
    // One error for each that is wrong: the compiler did look, at what operators know as well.
    expect(await compile({ ...Object.fromEntries(sources), ...Object.fromEntries(wrong) })).toEqual(
      ["Cluster", "Deployment", "ScaledObject"].map((kind) =>
        expect.stringMatching(new RegExp(`^a-wrong-${kind}\\.ts.*'"?replicaCount"?' does not exist`)),
      ),
    );
  },
  COMPILE_MS_MAX,
);

test("every manifest has values that the schema of its kind takes, of Kubernetes and of the operators", () => {
  const own = manifests.filter(({ kind }) => !KUSTOMIZE.has(kind) && !UNKNOWN.has(kind));
  expect([...new Set(own.map(({ kind }) => kind))].sort()).toEqual([...KINDS].sort());
  for (const { path, kind, name, fields } of own)
    expect({ path, name, problem: schemaProblem(kind, fields) }).toEqual({ path, name, problem: undefined });
});

test("the schemas refuse values of the wrong kind, and choices that nobody has", () => {
  const changed = (kind: string, spec: object) => {
    const [first] = ofKind(kind);
    return schemaProblem(kind, { ...first?.fields, spec: { ...Object(first?.fields.spec), ...spec } });
  };
  expect(changed("Deployment", { replicas: "two" })).toContain("replicas");
  expect(changed("ScaledObject", { triggers: [{ type: "nats-jetstream", metadata: { a: 1 } }] })).toContain(
    "metadata",
  );
  expect(changed("Cluster", { instances: 0 })).toContain("instances");
  expect(changed("ServiceMonitor", { endpoints: [{ port: "http", scheme: "gopher" }] })).toContain("scheme");
  expect(changed("ScheduledBackup", { method: "tape" })).toContain("method");
});

test("backups go where the cluster's plugin is told, every night, with credentials from a secret", () => {
  const [store] = ofKind("ObjectStore");
  expect(store?.fields.apiVersion).toBe("barmancloud.cnpg.io/v1");
  const [cluster] = ofKind("Cluster");
  const plugin = listAt(cluster?.fields, "spec", "plugins")[0];
  expect(at(plugin, "parameters", "barmanObjectName")).toBe(store?.name ?? "");
  const [backup] = ofKind("ScheduledBackup");
  expect(at(backup?.fields, "spec", "pluginConfiguration", "name")).toBe(String(at(plugin, "name")));
  expect(at(backup?.fields, "spec", "cluster", "name")).toBe(cluster?.name ?? "");
  for (const key of ["accessKeyId", "secretAccessKey"])
    expect(at(store?.fields, "spec", "configuration", "s3Credentials", key, "name")).toBe("millrace");
  expect(String(at(store?.fields, "spec", "configuration", "destinationPath"))).toStartWith("s3://");
});

test("every variable that a part is told is one that Millrace knows, and together they make sense", () => {
  const known = new Set<string>(Object.values(VARIABLES).map(({ name }) => name));
  const shared = namesInEnvFile(readText("deploy/kubernetes/base/millrace.env"));
  const overlaid = ofKind("Kustomization").flatMap(({ fields }) =>
    listAt(fields, "configMapGenerator").flatMap((each) =>
      listAt(each, "literals").map((text) => String(text).split("=")[0] ?? ""),
    ),
  );
  const told = [...deployments, ...ofKind("Job")].flatMap((manifest) =>
    variablesOf(manifest).map(({ name }) => name),
  );
  expect(told.length).toBeGreaterThan(30);
  expect([...shared, ...overlaid, ...told].filter((name) => !known.has(name))).toEqual([]);
  for (const deployment of deployments) {
    const plain = variablesOf(deployment).filter(({ value }) => typeof value === "string");
    const reading = readConfig(Object.fromEntries(plain.map(({ name, value }) => [name, String(value)])));
    expect({ name: deployment.name, ok: reading.ok }).toEqual({ name: deployment.name, ok: true });
  }
});

test("every secret is a reference, to a key that secret.example.yaml or the operator of PostgreSQL has", () => {
  const keys = new Map([["millrace-postgres-app", new Set(["uri"])]]);
  for (const { name, fields } of ofKind("Secret"))
    keys.set(name, new Set(Object.keys(at(fields, "stringData") ?? {})));
  const secret = new Set<string>(
    Object.values(VARIABLES)
      .filter(({ isSecret }) => isSecret)
      .map(({ name }) => name),
  );
  for (const manifest of [...deployments, ...ofKind("Job")])
    for (const { name, value, from } of variablesOf(manifest)) {
      if (from === undefined) {
        expect({ name, value: typeof value, isSecret: secret.has(name) }).toEqual({
          name,
          value: "string",
          isSecret: false,
        });
        continue;
      }
      const isThere = keys.get(String(at(from, "name")))?.has(String(at(from, "key"))) ?? false;
      expect({ part: manifest.name, name, isThere }).toEqual({ part: manifest.name, name, isThere: true });
    }
});

test("kustomize finds every file that it is told of, and is told of every file", () => {
  const found = new Set(["deploy/kubernetes/secret.example.yaml"]);
  for (const { path, fields } of manifests.filter(({ kind }) => KUSTOMIZE.has(kind))) {
    const named = [...listAt(fields, "resources"), ...listAt(fields, "components")].map(String);
    const generated = listAt(fields, "configMapGenerator").flatMap((each) => [
      ...listAt(each, "files"),
      ...listAt(each, "envs"),
    ]);
    for (const name of [...named, ...generated.map(String)]) {
      const target = normalize(join(dirname(path), name));
      expect({ path, name, isThere: existsSync(join(PROJECT, target)) }).toEqual({
        path,
        name,
        isThere: true,
      });
      found.add(target);
    }
    found.add(path);
  }
  expect(manifests.map(({ path }) => path).filter((path) => !found.has(path))).toEqual([]);
});

test("what selects, scales or protects a part names one that is there", () => {
  const names = new Set(deployments.map(({ name }) => name));
  const components = new Set(
    deployments.map(({ fields }) => String(at(fields, "metadata", "labels", "app.kubernetes.io/component"))),
  );
  const targets = [...ofKind("HorizontalPodAutoscaler"), ...ofKind("ScaledObject")];
  expect(targets).toHaveLength(4);
  for (const { fields } of targets)
    expect(names).toContain(String(at(fields, "spec", "scaleTargetRef", "name")));
  const selected = [...ofKind("PodDisruptionBudget"), ...ofKind("NetworkPolicy")].flatMap(({ fields }) =>
    ["selector", "podSelector"].flatMap((field) => [
      at(fields, "spec", field, "matchLabels", "app.kubernetes.io/component") ?? [],
      ...listAt(fields, "spec", field, "matchExpressions", 0, "values"),
    ]),
  );
  expect(selected.flat().length).toBeGreaterThan(8);
  for (const component of selected.flat()) expect(components).toContain(String(component));
  // Who is scaled by somebody has no number of its own, or each `apply` would undo the scaling.
  for (const { fields } of targets) {
    const target = deployments.find(({ name }) => name === at(fields, "spec", "scaleTargetRef", "name"));
    expect(at(target?.fields, "spec", "replicas")).toBeUndefined();
  }
});

test("workers of each lane follow all ten consumers of their lane, by the names that nats/ has", () => {
  for (const lane of LANES) {
    const scaled = ofKind("ScaledObject").find(({ name }) => name === `millrace-worker-${lane}`);
    const triggers = listAt(scaled?.fields, "spec", "triggers");
    const consumers = triggers.map((trigger) => String(at(trigger, "metadata", "consumer")));
    expect({ lane, count: new Set(consumers).size }).toEqual({ lane, count: PRIORITY_MAX });
    for (const trigger of triggers) {
      const path = `nats/consumers/${at(trigger, "metadata", "stream")}/${at(trigger, "metadata", "consumer")}.json`;
      expect({ path, isThere: existsSync(join(PROJECT, path)) }).toEqual({ path, isThere: true });
    }
    const formula = String(at(scaled?.fields, "spec", "advanced", "scalingModifiers", "formula"));
    expect(formula.split(" + ")).toEqual(triggers.map((trigger) => String(at(trigger, "name"))));
  }
});

test("each lane has workers with slots for it", () => {
  const slots = (lane: string) => {
    const deployment = deployments.find(({ name }) => name === `millrace-worker-${lane}`);
    const told = Object.fromEntries(
      deployment === undefined ? [] : variablesOf(deployment).map(({ name, value }) => [name, Number(value)]),
    );
    const { MAX_WORKERS = 0, LONG_SLOTS = 0, MAX_FILE_WORKERS = 0 } = told;
    return { short: MAX_WORKERS - LONG_SLOTS, long: LONG_SLOTS, file: MAX_FILE_WORKERS }[lane] ?? 0;
  };
  for (const lane of LANES) expect({ lane, hasSlots: slots(lane) > 0 }).toEqual({ lane, hasSlots: true });
});

test("every part drains before it is killed, is asked for its health, and runs with no rights", () => {
  expect(deployments).toHaveLength(6);
  for (const deployment of deployments) {
    const pod = at(deployment.fields, "spec", "template", "spec");
    const container = containerOf(deployment);
    const preStopS = Number(at(container, "lifecycle", "preStop", "sleep", "seconds") ?? 0);
    const drainMs = deployment.name.includes("worker") ? WORKER_DRAIN_MS_MAX : DRAIN_MS_MAX;
    const noticeS = deployment.name.includes("api") ? NOTICE_S : 0;
    const graceS = Number(at(pod, "terminationGracePeriodSeconds"));
    // Beside the drain itself: telling, closing the connections, a busy machine.
    expect({ name: deployment.name, isLong: graceS >= preStopS + noticeS + (2 * drainMs) / 1_000 }).toEqual({
      ...{ name: deployment.name, isLong: true },
    });
    expect(at(container, "livenessProbe", "httpGet", "path")).toBe("/health/live");
    expect(at(container, "readinessProbe", "httpGet", "path")).toBe("/health/ready");
    expect(at(container, "securityContext", "readOnlyRootFilesystem")).toBe(true);
    expect(at(pod, "securityContext", "runAsNonRoot")).toBe(true);
    expect(listAt(pod, "topologySpreadConstraints")).toHaveLength(2);
    expect(ofKind("PodDisruptionBudget").map(({ name }) => name)).toContain(deployment.name);
  }
});
