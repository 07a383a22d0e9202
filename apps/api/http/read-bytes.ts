import { Fault } from "@millrace/core";

/**
 * The whole body, refused with BODY_TOO_LARGE before a byte is read when its length is declared, and as soon as the
 * bound is passed when not. The server discards what was not read; the connection stays usable.
 */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > bytesMax) throw tooLarge(bytesMax);
    return readWhole(request);
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.body) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof Fault ? error : cutShort(error);
  }
  return Buffer.concat(chunks);
}

async function readWhole(request: Request): Promise<Uint8Array> {
  try {
    return await request.bytes();
  } catch (error) {
    throw cutShort(error);
  }
}

function tooLarge(bytesMax: number): Fault {
  return new Fault("BODY_TOO_LARGE", `the body may have ${bytesMax} bytes at most`);
}

/** The client went away or broke the framing: nobody reads the answer, but the log line should not say INTERNAL. */
function cutShort(cause: unknown): Fault {
  return new Fault("BAD_REQUEST", "the body ended before its end", { cause });
}
