import { afterAll, beforeAll, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { type ApiUnderTest, startApi } from "../../../support/api.ts";

let api: ApiUnderTest;
let spec: Record<string, unknown>;
beforeAll(async () => {
  api = await startApi();
  spec = (await api.call("GET", "/docs/json")).body;
});
afterAll(() => api.close());

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;
const at = (node: unknown, ...path: readonly string[]): unknown =>
  path.reduce((inner, key) => (isNode(inner) ? inner[key] : undefined), node);

test("the document is valid OpenAPI 3.0", async () => {
  const result = await new Validator().validate(structuredClone(spec));
  expect(result).toEqual({ valid: true });
  expect(spec.openapi).toBe("3.0.3");
});

test("every path of the API is in it, and nothing of the docs themselves", () => {
  const paths = Object.keys(at(spec, "paths") ?? {});
  expect(paths).toContain("/api/auth/login");
  expect(paths).toContain("/api/auth/keys/{key_id}");
  expect(paths.filter((path) => /describe|docs|problems|\*/.test(path))).toEqual([]);
});

test("each operation has a summary, a tag, a security rule and problem responses", () => {
  const operations = Object.values(at(spec, "paths") ?? {}).flatMap((path) =>
    Object.values(isNode(path) ? path : {}),
  );
  expect(operations.length).toBeGreaterThan(5);
  for (const operation of operations) {
    expect(at(operation, "summary")).toBeString();
    expect(at(operation, "tags")).toBeArrayOfSize(1);
    expect(at(operation, "security")).toBeArray();
    expect(at(operation, "responses", "500", "content", "application/problem+json")).toBeDefined();
  }
});

test("bodies are documented as JSON, without unknown fields, and choices as words", () => {
  const body = at(spec, "paths", "/api/auth/keys", "post", "requestBody", "content");
  expect(Object.keys(body ?? {})).toEqual(["application/json"]);
  const schema = at(body, "application/json", "schema");
  expect(at(schema, "additionalProperties")).toBe(false);
  expect(at(schema, "properties", "role")).toMatchObject({
    type: "string",
    enum: ["user", "operator", "admin"],
  });
  expect(at(schema, "properties", "role", "default")).toBeUndefined();
});

test("a field may be called like a keyword, such as error", () => {
  const task = at(
    spec,
    "paths",
    "/api/tasks/{task_id}",
    "get",
    "responses",
    "200",
    "content",
    "application/json",
    "schema",
  );
  expect(Object.keys(at(task, "properties") ?? {})).toContain("error");
});

test("the page and all that it loads come from here, and its policy allows nothing else", async () => {
  const page = await api.call("GET", "/docs");
  expect(page.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
  const policy = page.headers.get("Content-Security-Policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(page.text).not.toMatch(/https?:|<script>|\son\w+=/);
  const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
  expect(loaded).toHaveLength(4);
  for (const path of loaded) {
    const asset = await api.call("GET", path);
    expect([path, asset.status]).toEqual([path, 200]);
    expect(asset.text.length).toBeGreaterThan(50);
  }
});

test.each(["package.json", "..%2Fpackage.json", "swagger-ui.js", "constructor", "__proto__"])(
  "the asset %s is not served",
  async (name) => {
    expect((await api.call("GET", `/docs/assets/${name}`)).status).toBe(404);
  },
);

test("the home page leads to the docs", async () => {
  const { text, headers } = await api.call("GET", "/");
  expect(headers.get("X-Frame-Options")).toBe("DENY");
  for (const [, path] of text.matchAll(/href="([^"]+)"/g))
    expect((await api.call("GET", path ?? "")).status).toBe(200);
});
