import { describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import { ApiError, createClient, UnreachableError } from "@millrace/client";
import { TRIES_MAX } from "@millrace/client/bounds";
import { broken, json, problem, scripted, task } from "./scripted-api.ts";

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

describe("identity", () => {
  test("an API key goes as bearer", async () => {
    const { client, calls } = scripted([json(200, task())]);
    await client.tasks.get("t-1");
    expect(calls[0]?.headers.get("authorization")).toBe("Bearer key-of-a-test");
  });

  test("a token that is a function is asked for at each try", async () => {
    const tokens = ["old", "new"];
    const options = { apiKey: undefined, accessToken: () => tokens.shift() ?? "none" };
    const { client, calls } = scripted([problem(503, "STORE_UNAVAILABLE"), json(200, task())], options);
    await client.tasks.get("t-1");
    expect(calls.map((call) => call.headers.get("authorization"))).toEqual(["Bearer old", "Bearer new"]);
  });

  test("both a key and a token are refused", () => {
    expect(() => createClient({ baseUrl: "http://api.test", apiKey: "k", accessToken: "t" })).toThrow(
      TypeError,
    );
  });
});

describe("the base URL", () => {
  test("keeps its path and loses its last slash", async () => {
    const { client, calls } = scripted([json(200, task())], { baseUrl: "http://api.test/millrace/" });
    await client.tasks.get("t-1");
    expect(calls[0]?.path).toBe("/millrace/api/tasks/t-1");
  });

  test("must be http or https", () => {
    for (const baseUrl of ["", "api.test", "ftp://api.test", "127.0.0.1:8000"])
      expect(() => createClient({ baseUrl })).toThrow("baseUrl must be");
  });
});

describe("a refusal", () => {
  test("is an ApiError with the fields of the problem", async () => {
    const errors = [{ path: "/priority", message: "must be at most 10" }];
    const body = { status: 422, code: "VALIDATION_FAILED", detail: "no", errors, correlation_id: "c-9" };
    const { client, calls } = scripted([json(422, body)]);
    const error = await failureOf(client.tasks.submit({ task_type: "simulate", priority: 11 }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 422,
      code: "VALIDATION_FAILED",
      detail: "no",
      errors,
      correlationId: "c-9",
    });
    expect(String(error)).toContain("/priority must be at most 10");
    expect(calls).toHaveLength(1);
  });

  test("that comes from a proxy says so by its code", async () => {
    const page = { status: 502, text: "<h1>Bad Gateway</h1>", headers: { "x-correlation-id": "c-2" } };
    const { client } = scripted([page]);
    const error = await failureOf(client.tasks.get("t-1"));
    expect(error).toMatchObject({ code: "HTTP_502", detail: "<h1>Bad Gateway</h1>", correlationId: "c-2" });
  });

  test("by redirect names the target and is not followed", async () => {
    const moved = { status: 308, text: "", headers: { location: "https://api.test/" } };
    const { client, calls } = scripted([moved]);
    const error = await failureOf(client.tasks.submit({ task_type: "simulate" }));
    expect(String(error)).toContain("https://api.test/");
    expect(calls).toHaveLength(1);
  });

  test("that passes is tried again until it does", async () => {
    const { client, calls, waits } = scripted([
      problem(503, "STORE_UNAVAILABLE", { "retry-after": "2" }),
      problem(503, "STORE_UNAVAILABLE"),
      json(200, task()),
    ]);
    expect((await client.tasks.get("t-1")).task_id).toBe("t-1");
    expect(calls).toHaveLength(3);
    expect(waits).toEqual([2_000, 200]);
  });

  test("that does not pass is told after the last try, with the server's wish", async () => {
    const { client, calls } = scripted([problem(503, "OVERLOADED", { "retry-after": "1" })]);
    const error = await failureOf(client.tasks.get("t-1"));
    expect(error).toMatchObject({ code: "OVERLOADED", retryAfterMs: 1_000 });
    expect(calls).toHaveLength(TRIES_MAX);
  });

  test("that asks for a long pause is told at once", async () => {
    const { client, calls } = scripted([problem(429, "TOO_MANY_REQUESTS", { "retry-after": "3600" })]);
    expect(await failureOf(client.tasks.get("t-1"))).toMatchObject({ retryAfterMs: 3_600_000 });
    expect(calls).toHaveLength(1);
  });
});

describe("an answer that is not the API's", () => {
  test("is refused when it is no JSON, and quoted", async () => {
    const { client } = scripted([{ status: 200, text: "<title>Router</title>", headers: {} }]);
    const error = await failureOf(client.tasks.get("t-1"));
    expect(error).toMatchObject({ code: "UNEXPECTED_RESPONSE", status: 200 });
    expect(String(error)).toContain("<title>Router</title>");
  });

  test("is refused when it is another JSON", async () => {
    const { client } = scripted([json(200, { hello: "world" })]);
    expect(await failureOf(client.tasks.get("t-1"))).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
  });
});

describe("no answer", () => {
  test("is an UnreachableError that names the base URL and the reason, after bounded tries", async () => {
    const { client, calls } = scripted([broken("ECONNREFUSED")]);
    const error = await failureOf(client.tasks.get("t-1"));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(String(error)).toContain("http://api.test");
    expect(String(error)).toContain("ECONNREFUSED");
    expect(calls).toHaveLength(TRIES_MAX);
  });

  test("to a call that must not happen twice is told at once", async () => {
    const { client, calls } = scripted([broken("ECONNRESET")]);
    expect(await failureOf(client.tasks.retry("t-1"))).toBeInstanceOf(UnreachableError);
    expect(calls).toHaveLength(1);
  });

  test("because nobody listens is tried again, whatever the call", async () => {
    const { client, calls } = scripted([broken("ECONNREFUSED"), json(200, task())]);
    await client.tasks.retry("t-1");
    expect(calls).toHaveLength(2);
  });
});

describe("over a real socket", () => {
  test("a connection that is cut before the answer is asked again, with the same task id", async () => {
    const ids: unknown[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
      const taskId =
        typeof body === "object" && body !== null && "task_id" in body ? body.task_id : undefined;
      ids.push(taskId);
      if (ids.length === 1) return void response.socket?.destroy();
      response.writeHead(201, { "content-type": "application/json" });
      response.end(JSON.stringify({ ...task(), task_id: taskId }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, apiKey: "k", random: () => 0 });
      const submitted = await client.tasks.submit({ task_type: "simulate" });
      expect(ids).toEqual([submitted.task_id, submitted.task_id]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test("an answer that does not come in time is an UnreachableError", async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, apiKey: "k", timeoutMs: 20 });
      expect(await failureOf(client.health())).toBeInstanceOf(UnreachableError);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test("a caller's abort ends the call with the caller's reason", async () => {
    const { client } = scripted([problem(503, "OVERLOADED")]);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    expect(await failureOf(client.tasks.get("t-1", { signal }))).toBe(reason);
  });
});
