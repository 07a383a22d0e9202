import { expect, test } from "bun:test";
import { isOriginTemplated, originOf } from "@millrace/worker/guards/origin";

const of = (url: unknown, task_type = "http.request") => originOf({ task_type }, { url });

test("a host is scheme, name and port; the same one however it is written", () => {
  expect(of("https://Example.org:443/a?b")).toBe("https://example.org");
  expect(of("http://127.0.0.1:8080")).toBe("http://127.0.0.1:8080");
});

test("what calls nobody has none", () => {
  for (const url of ["", "no url", "ftp://example.org", "file:///etc/passwd", 7, null, undefined])
    expect(of(url)).toBeNull();
  expect(of("https://example.org", "simulate")).toBeNull();
  expect(originOf({ task_type: "http.request" }, null)).toBeNull();
});

test("a url with a template is only known once it is filled", () => {
  const payload = { url: "{{tasks.a.result.url}}" };
  expect(isOriginTemplated({ has_templates: true, payload })).toBe(true);
  expect(isOriginTemplated({ payload })).toBe(false);
  expect(isOriginTemplated({ has_templates: true, payload: { url: "https://example.org" } })).toBe(false);
});
