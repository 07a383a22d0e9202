import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "@millrace/config";
import { BREAKERS_BUCKET, CONTROL_BUCKET, WORKERS_BUCKET } from "@millrace/protocol";
import { ALERTS_BUCKET } from "@millrace/protocol/alerts";
import { at, listAt, PROJECT, readText, readYaml } from "../../support/deploy-files.ts";

test("every bucket has a file, so that it is kept on as many servers as the streams", () => {
  for (const name of [ALERTS_BUCKET, BREAKERS_BUCKET, CONTROL_BUCKET, WORKERS_BUCKET]) {
    const bucket = JSON.parse(readText(`nats/streams/KV_${name}.json`));
    expect(bucket).toMatchObject({ name: `KV_${name}`, subjects: [`$KV.${name}.>`] });
    // What makes a stream a bucket of which old values go.
    expect(bucket).toMatchObject({ max_msgs_per_subject: 1, allow_rollup_hdrs: true, discard: "new" });
  }
});

test("services of a cluster are told as many replicas as it has servers", () => {
  const [values] = readYaml("deploy/kubernetes/nats-values.yaml");
  const [overlay] = readYaml("deploy/kubernetes/overlays/production/kustomization.yaml");
  const told = listAt(overlay, "configMapGenerator", 0, "literals").map((text) => String(text).split("="));
  const reading = readConfig(Object.fromEntries(told));
  expect(reading).toMatchObject({
    ok: true,
    config: { natsReplicas: at(values, "config", "cluster", "replicas") },
  });
});

test("a server of a cluster by hand is the single one, with routes", () => {
  expect(readText("nats/cluster.conf")).toMatch(/^include "server.conf"$/m);
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
