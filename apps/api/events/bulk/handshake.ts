/** Clients of Elasticsearch refuse to talk to anything whose answers lack this. */
export const PRODUCT_HEADERS = { "X-Elastic-Product": "Elasticsearch" } as const;

/** The version whose bulk API is understood; clients choose by it how they write. */
const VERSION = "9.0.0";

/** `GET /`, which Filebeat, Logstash and Vector ask before they send anything. */
export const PRODUCT_INFO = {
  name: "millrace",
  cluster_name: "millrace",
  cluster_uuid: "millrace",
  version: {
    number: VERSION,
    build_flavor: "default",
    build_type: "tar",
    build_hash: "unknown",
    build_date: "1970-01-01T00:00:00.000Z",
    build_snapshot: false,
    lucene_version: "10.0.0",
    minimum_wire_compatibility_version: "8.0.0",
    minimum_index_compatibility_version: "8.0.0",
  },
  tagline: "You Know, for Search",
} as const;

export const LICENSE_INFO = {
  license: { uid: "millrace", type: "basic", mode: "basic", status: "active", issued_to: "millrace" },
} as const;

export const XPACK_INFO = {
  build: { hash: "unknown", date: "1970-01-01T00:00:00.000Z" },
  ...LICENSE_INFO,
  features: {},
} as const;

export const CLUSTER_HEALTH = {
  cluster_name: "millrace",
  status: "green",
  timed_out: false,
  number_of_nodes: 1,
  number_of_data_nodes: 1,
  active_primary_shards: 1,
  active_shards: 1,
  relocating_shards: 0,
  initializing_shards: 0,
  unassigned_shards: 0,
} as const;

const CLIENTS = /elastic|logstash|beat|fluent|^vector\//i;

/** Whether `/` was asked for by a log shipper and not by a person: by their names, or by the media type of theirs. */
export function isBulkClient(headers: Headers): boolean {
  const accept = headers.get("accept") ?? "";
  if (accept.includes("text/html")) return false;
  return (
    accept.includes("vnd.elasticsearch") ||
    headers.has("x-elastic-client-meta") ||
    headers.has("x-elastic-product-origin") ||
    CLIENTS.test(headers.get("user-agent") ?? "")
  );
}
