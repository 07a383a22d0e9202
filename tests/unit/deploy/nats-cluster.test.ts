import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BREAKERS_BUCKET, CONTROL_BUCKET, WORKERS_BUCKET } from "@millrace/protocol";
import { ALERTS_BUCKET } from "@millrace/protocol/alerts";
import { at, DEPLOY, listAt, PROJECT, readYaml } from "../../support/deploy-files.ts";

const COMPONENT = join(DEPLOY, "kubernetes/components/nats-cluster");
const BUCKETS = [ALERTS_BUCKET, BREAKERS_BUCKET, CONTROL_BUCKET, WORKERS_BUCKET].map((name) => `KV_${name}`);

function streamsIn(folder: string): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(
    names.map((name) => [
      name.slice(0, -".json".length),
      JSON.parse(readFileSync(join(folder, name), "utf8")),
    ]),
  );
}

const clustered = streamsIn(join(COMPONENT, "streams"));
const single = streamsIn(join(PROJECT, "nats/streams"));

test("the streams of a cluster are those of one server with three replicas, which exclude lazy writes", () => {
  for (const [name, { persist_mode: _, ...config }] of single)
    expect({ name, config: clustered.get(name) }).toEqual({ name, config: { ...config, num_replicas: 3 } });
});

test("every bucket is among them, since it would be made with one replica", () => {
  expect([...clustered.keys()].filter((name) => !single.has(name)).sort()).toEqual(BUCKETS.sort());
  for (const name of BUCKETS) {
    const bucket = clustered.get(name);
    expect(bucket).toMatchObject({ name, subjects: [`$KV.${name.slice("KV_".length)}.>`], num_replicas: 3 });
    // What makes a stream a bucket of which old values go.
    expect(bucket).toMatchObject({ max_msgs_per_subject: 1, allow_rollup_hdrs: true, discard: "new" });
  }
});

test("all of them are put where every part reads its streams", () => {
  const [component] = readYaml("deploy/kubernetes/components/nats-cluster/kustomization.yaml");
  const files = listAt(component, "configMapGenerator", 0, "files").map(String);
  expect(files.sort()).toEqual([...clustered.keys()].map((name) => `streams/${name}.json`).sort());
  const patch = String(at(component, "patches", 0, "patch"));
  expect(patch).toContain("mountPath: /app/nats/streams");
  expect(patch).toContain(`name: ${at(component, "configMapGenerator", 0, "name")} `);
});

test("the cluster's servers are told what nats/server.conf tells the single one", () => {
  const [values] = readYaml("deploy/kubernetes/nats-values.yaml");
  const server = readFileSync(join(PROJECT, "nats/server.conf"), "utf8");
  expect(server).toContain("sync_interval: always");
  expect(at(values, "config", "jetstream", "merge", "sync_interval")).toBe("always");
  for (const name of ["max_payload", "max_pending"]) {
    const value = new RegExp(`^${name}: (\\S+)$`, "m").exec(server)?.[1];
    expect({ name, value: at(values, "config", "merge", name) }).toEqual({ name, value: `<< ${value} >>` });
  }
  const tag = String(at(values, "container", "image", "tag"));
  expect(readYaml("deploy/compose.yaml").map((compose) => at(compose, "services", "nats", "image"))).toEqual([
    `nats:${tag}`,
  ]);
});
