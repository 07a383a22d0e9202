import { expect, test } from "bun:test";
import { faultOfLibrary, faultOfStatus, tusAnswer, tusProblem } from "@millrace/api/uploads/tus-answer";
import { Fault } from "@millrace/core";

test("an answer keeps what belongs to the protocol, and drops what is for other origins", () => {
  const library = new Response("", {
    status: 200,
    headers: { "Upload-Offset": "5", "Access-Control-Allow-Origin": "*", "Upload-Expires": "then" },
  });
  const expiresAt = new Date(Date.UTC(2026, 0, 1));
  const answer = tusAnswer(library, expiresAt);
  expect(Object.fromEntries(answer.headers)).toEqual({
    "tus-resumable": "1.0.0",
    "upload-expires": "Thu, 01 Jan 2026 00:00:00 GMT",
    "upload-offset": "5",
  });
  expect(tusAnswer(library, undefined).headers.get("Upload-Expires")).toBeNull();
});

test("what the library throws has the code of its status", () => {
  const codes = [400, 403, 404, 409, 410, 413, 500, 501].map(
    (status_code) => faultOfLibrary({ status_code, body: "text" }).code,
  );
  expect(codes).toEqual([
    "BAD_REQUEST",
    "BAD_REQUEST",
    "NOT_FOUND",
    "UPLOAD_OFFSET_CONFLICT",
    "UPLOAD_EXPIRED",
    "BODY_TOO_LARGE",
    "INTERNAL",
    "BAD_REQUEST",
  ]);
  expect(faultOfStatus(400, "Invalid upload-offset\n").message).toBe("Invalid upload-offset");
});

test("faults stay what they are, and anything else is ours", () => {
  const fault = new Fault("UPLOAD_LOCKED", "held");
  expect(faultOfLibrary(fault)).toBe(fault);
  expect(faultOfLibrary(new TypeError("oops")).code).toBe("INTERNAL");
});

test("a refusal of the version tells which one is spoken", () => {
  const answer = tusProblem(new Fault("TUS_VERSION_UNSUPPORTED", "no"), "c");
  expect([answer.status, answer.headers.get("Tus-Version"), answer.headers.get("Tus-Resumable")]).toEqual([
    412,
    "1.0.0",
    "1.0.0",
  ]);
  expect(tusProblem(new Fault("NOT_FOUND", "no"), "c").headers.get("Tus-Version")).toBeNull();
});
