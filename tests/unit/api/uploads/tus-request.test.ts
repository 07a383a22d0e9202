import { expect, test } from "bun:test";
import { readTusRequest } from "@millrace/api/uploads/tus-request";
import { Fault } from "@millrace/core";

const TUS = { "Tus-Resumable": "1.0.0" };
const BYTES = { ...TUS, "Content-Type": "application/offset+octet-stream" };

function request(method: string, headers: Readonly<Record<string, string>>): Request {
  return new Request("http://millrace.example/api/uploads/1?x=1", { method, headers });
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

test("the library sees the headers of the protocol, and nothing of the body, the host or proxies", () => {
  const { bodyless } = readTusRequest(
    request("PATCH", {
      ...BYTES,
      "Upload-Offset": "5",
      "Content-Length": "7",
      "X-Forwarded-Proto": "https, http",
      Cookie: "c",
    }),
    "1",
  );
  expect(bodyless.url).toBe("http://localhost/api/uploads/1");
  expect(bodyless.body).toBeNull();
  expect(Object.fromEntries(bodyless.headers)).toEqual({
    "content-length": "7",
    "content-type": "application/offset+octet-stream",
    "tus-resumable": "1.0.0",
    "upload-offset": "5",
  });
});

test("only bytes are read from a body", () => {
  const brings = (method: string, headers: Readonly<Record<string, string>>, id?: string) =>
    readTusRequest(request(method, headers), id).bringsBytes;
  expect(brings("PATCH", { ...BYTES, "Upload-Offset": "0" }, "1")).toBe(true);
  expect(brings("POST", BYTES)).toBe(true);
  expect(brings("POST", { ...TUS, "Content-Type": "application/json" })).toBe(false);
  expect(brings("DELETE", BYTES, "1")).toBe(false);
  expect(brings("HEAD", BYTES, "1")).toBe(false);
});

test("what the header names is the method, if this path knows it", () => {
  const override = (name: string, id?: string) =>
    readTusRequest(request("POST", { ...BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": name }), id)
      .method;
  expect(override("PATCH", "1")).toBe("PATCH");
  expect(override("delete", "1")).toBe("DELETE");
  expect(codeOf(() => override("PATCH"))).toBe("METHOD_NOT_ALLOWED");
  expect(codeOf(() => override("POST", "1"))).toBe("METHOD_NOT_ALLOWED");
  expect(codeOf(() => override("TRACE", "1"))).toBe("METHOD_NOT_ALLOWED");
});

test("refusals say what is wrong: the version first, then the type, then the rest", () => {
  const code = (method: string, headers: Readonly<Record<string, string>>, id?: string) =>
    codeOf(() => readTusRequest(request(method, headers), id));
  expect(code("PATCH", {}, "1")).toBe("TUS_VERSION_UNSUPPORTED");
  expect(code("HEAD", { "Tus-Resumable": "1.0.1" }, "1")).toBe("TUS_VERSION_UNSUPPORTED");
  expect(code("OPTIONS", {}, "1")).toBeUndefined();
  expect(code("PATCH", { ...TUS, "Content-Type": "text/plain" }, "1")).toBe("UNSUPPORTED_MEDIA_TYPE");
  expect(code("PATCH", BYTES, "1")).toBe("BAD_REQUEST");
  expect(code("POST", { ...TUS, "Upload-Length": "104857600" })).toBeUndefined();
  expect(code("POST", { ...TUS, "Upload-Length": "104857601" })).toBe("BODY_TOO_LARGE");
  expect(code("POST", { ...TUS, "Upload-Metadata": "x".repeat(20_000) })).toBe("BAD_REQUEST");
  expect(code("PATCH", { ...BYTES, "Upload-Offset": "0", "Upload-Checksum": "sha1" }, "1")).toBe(
    "BAD_REQUEST",
  );
});
