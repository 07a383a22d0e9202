import { afterAll, beforeAll, expect, test } from "bun:test";
import { Client, HttpConnection } from "@elastic/elasticsearch";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { until } from "../support/bus.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const STORY_MS = 60_000;
const EVENTS = 200;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, STORY_MS);
afterAll(() => stack?.close(), STORY_MS);

/** The messages that are stored of this source, once there are so many. */
async function messagesOf(source: string): Promise<readonly string[]> {
  let messages: readonly string[] = [];
  await until(`the events of ${source} are stored`, async () => {
    const { body } = await stack.call("GET", `/api/events?source=${source}&limit=${EVENTS + 10}`);
    messages = body.items.map(({ message }: { message: string }) => message);
    return messages.length >= EVENTS;
  });
  return messages;
}

const expected = (what: string) => Array.from({ length: EVENTS }, (_, n) => `${what} ${n}`).sort();

test(
  "what an OpenTelemetry SDK exports is found by GET /api/events, each event once",
  async () => {
    const exporter = new OTLPLogExporter({
      url: `${stack.apiUrl}/v1/logs`,
      headers: { Authorization: `Bearer ${stack.apiKey}` },
    });
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ "service.name": "otel-shop" }),
      processors: [new BatchLogRecordProcessor({ exporter, maxExportBatchSize: 64 })],
    });
    const logger = provider.getLogger("checkout");
    for (let n = 0; n < EVENTS; n += 1) logger.emit({ severityNumber: 13, body: `order ${n}` });
    await provider.forceFlush();
    await provider.shutdown();
    expect((await messagesOf("otel-shop")).toSorted()).toEqual(expected("order"));
  },
  STORY_MS,
);

test(
  "what Elasticsearch's client sends in bulk is found by GET /api/events, each event once",
  async () => {
    const client = new Client({
      node: stack.apiUrl,
      auth: { apiKey: stack.apiKey },
      Connection: HttpConnection,
      compression: true,
    });
    const documents = Array.from({ length: EVENTS }, (_, n) => ({
      "@timestamp": new Date().toISOString(),
      message: `line ${n}`,
      service: { name: "bulk-shop" },
    }));
    const result = await client.helpers.bulk({
      ...{ datasource: documents, flushBytes: 4_096, concurrency: 4 },
      onDocument: () => ({ create: { _index: "logs-shop" } }),
    });
    expect(result).toMatchObject({ successful: EVENTS, failed: 0 });
    await client.close();
    expect((await messagesOf("bulk-shop")).toSorted()).toEqual(expected("line"));
  },
  STORY_MS,
);
