import type { TSchema } from "elysia";
import { jsonBody, parseJson } from "./json-body.ts";
import { readBytes } from "./read-bytes.ts";

/** As `jsonBody`, for routes that most callers send nothing to: no body is an empty object. */
export function optionalJsonBody<T extends TSchema>(schema: T, bytesMax: number) {
  const strictly = jsonBody(schema, bytesMax);
  const parse = async ({ request }: { request: Request }): Promise<unknown> => {
    if (request.headers.get("content-type") !== null && request.headers.get("content-length") !== "0")
      return await strictly.parse({ request });
    const bytes = await readBytes(request, bytesMax);
    return bytes.length === 0 ? {} : parseJson(bytes);
  };
  return { parse, body: schema };
}
