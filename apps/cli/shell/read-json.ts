import { readFile } from "node:fs/promises";
import type { Json } from "@millrace/client";
import { BODY_BYTES_MAX } from "@millrace/core/limits";
import { UsageError } from "./read-arguments.ts";

/** `{"a":1}`, `@file.json` or `-` for standard input. @throws UsageError when there is no JSON there */
export async function readJson(name: string, given: string): Promise<Json> {
  const text = await readText(name, given);
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `--${name} is not JSON (${reason}). Quote it for the shell: --${name} '{"key":"value"}'`,
    );
  }
}

async function readText(name: string, given: string): Promise<string> {
  if (given === "-") return readStandardInput(name);
  if (!given.startsWith("@")) return given;
  const path = given.slice(1);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(
      `--${name}: ${path} cannot be read (${error instanceof Error ? error.message : error})`,
    );
  }
}

async function readStandardInput(name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new UsageError(`--${name}: more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
