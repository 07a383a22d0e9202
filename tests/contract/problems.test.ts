import { afterAll, beforeAll, expect, test } from "bun:test";
import { PROBLEM_HELP } from "@millrace/api/docs/problems";
import { problemResponse } from "@millrace/api/http/problem";
import { FAULTS, Fault, type FaultCode } from "@millrace/core";
import { type ApiUnderTest, startApi } from "../support/api.ts";

let api: ApiUnderTest;
let spec: string;
let page: string;
beforeAll(async () => {
  api = await startApi();
  spec = (await api.call("GET", "/docs/json")).text;
  page = (await api.call("GET", "/problems")).text;
});
afterAll(() => api.close());

const CODES = Object.keys(FAULTS) as FaultCode[];
const errors = [{ path: "/a", message: "is wrong" }];

test.each(CODES)("%s: the body has exactly the documented shape", async (code) => {
  const response = problemResponse(new Fault(code, "a detail", { errors, retryAfterS: 1.2 }), "id-1");
  expect(response.status).toBe(FAULTS[code].status);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(response.headers.get("X-Correlation-Id")).toBe("id-1");
  expect(response.headers.get("Retry-After")).toBe("2");
  expect(response.headers.has("WWW-Authenticate")).toBe(FAULTS[code].status === 401);
  expect(await response.json()).toEqual({
    type: `/problems#${code}`,
    title: FAULTS[code].title,
    status: FAULTS[code].status,
    code,
    detail: code === "INTERNAL" ? expect.not.stringContaining("a detail") : "a detail",
    errors,
    correlation_id: "id-1",
  });
});

test("without single fields at fault there is no errors, without a wait no Retry-After", async () => {
  const response = problemResponse(new Fault("NOT_FOUND", "x"), "id-2");
  expect(Object.keys((await response.json()) as object)).toEqual([
    "type",
    "title",
    "status",
    "code",
    "detail",
    "correlation_id",
  ]);
  expect(response.headers.has("Retry-After")).toBe(false);
});

test("the cause of a fault stays inside", async () => {
  const cause = new Error("password=hunter2");
  const text = await problemResponse(new Fault("INTERNAL", "hunter2", { cause }), "id-3").text();
  expect(text).not.toContain("hunter2");
});

test("the OpenAPI document lists exactly the codes that exist", () => {
  const { components } = JSON.parse(spec) as {
    components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
  };
  expect(components.schemas.Problem.properties.code.enum.toSorted()).toEqual(CODES.toSorted());
});

test("every code that a route documents exists, with the status that it is documented under", () => {
  const { paths } = JSON.parse(spec) as {
    paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>;
  };
  const documented = Object.values(paths)
    .flatMap((path) => Object.values(path))
    .flatMap(({ responses }) => Object.entries(responses))
    .flatMap(([status, { description }]) =>
      [...description.matchAll(/`([A-Z_]+)`:/g)].map(([, code]) => [code, status]),
    );
  expect(documented.length).toBeGreaterThan(20);
  for (const [code, status] of documented)
    expect([code, String(FAULTS[code as FaultCode]?.status)]).toEqual([code, status]);
});

test.each(CODES)("%s is explained on the page that its type leads to", (code) => {
  expect(page).toContain(`<tr id="${code}">`);
  expect(PROBLEM_HELP[code].length).toBeGreaterThan(20);
});
