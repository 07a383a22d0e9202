import type { Readable } from "node:stream";
import { Busboy } from "@fastify/busboy";
import type { ByteSource } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { FILE_OPTIONS_BYTES_MAX } from "@millrace/core/limits";
import { PartBytes, WAITING_BYTES_MAX } from "./part-bytes.ts";
import { bodyCut } from "./timed-body.ts";
import { invalid } from "./upload-fields.ts";

/** More fields than an upload knows: those beyond are not looked at, since the first unknown one is refused. */
const PARTS_MAX = 16;
const PART_HEADER_BYTES_MAX = 16 * 1024;
const PART_HEADERS_MAX = 32;

export interface FilePart {
  /** As the client meant it; not cleaned. */
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
  /** Taken no faster than it is read. Fails when the body breaks off, or anything else in the form is wrong. */
  readonly bytes: Required<ByteSource>;
}

export interface FormReader {
  /** Throws what is wrong with it. */
  onField(name: string, value: string): void;
  /** Once at most. Its bytes are taken while this runs. */
  onFile(part: FilePart): Promise<void>;
}

/** Throws UNSUPPORTED_MEDIA_TYPE for anything but a form with a boundary. */
export function requireMultipart(headers: Headers): string {
  const type = headers.get("content-type") ?? "";
  if (headers.get("content-encoding") !== null)
    throw new Fault(
      "UNSUPPORTED_MEDIA_TYPE",
      "uploads are not unpacked; send the form without Content-Encoding",
    );
  if (!/^multipart\/form-data\s*;.*\bboundary=("[^"]{1,70}"|[^\s;"]{1,70})/i.test(type))
    throw new Fault("UNSUPPORTED_MEDIA_TYPE", "send the file as multipart/form-data, with its boundary");
  return type;
}

/**
 * Reads a form to its end, and hands its one file on while it arrives: nothing of it stays in memory. The first thing
 * that is wrong, wherever it is found, ends everything and is thrown; what `onFile` was given then fails, too, and this
 * waits for it.
 */
export async function readForm(
  contentType: string,
  body: AsyncGenerator<Uint8Array, void>,
  reader: FormReader,
): Promise<void> {
  const reading = new Reading(contentType, reader);
  try {
    await Promise.race([reading.feed(body), reading.failed]);
    await Promise.race([reading.fileTaken, reading.failed]);
  } catch (error) {
    reading.fail(error);
    await reading.fileTaken.catch(() => {});
    throw error;
  } finally {
    // Not waited for: it ends once a read that is under way does.
    void body.return().catch(() => {});
  }
}

class Reading {
  readonly #parser: InstanceType<typeof Busboy>;
  readonly #reader: FormReader;
  readonly #failure = Promise.withResolvers<never>();
  #file: Readable | undefined;
  #bytes: PartBytes | undefined;
  #isOver = false;
  /** Settles when the storage is done with the file. */
  fileTaken: Promise<void> = Promise.resolve();

  constructor(contentType: string, reader: FormReader) {
    this.#reader = reader;
    this.#failure.promise.catch(() => {}); // It may come when nobody waits any more.
    this.#parser = new Busboy({
      headers: { "content-type": contentType },
      fileHwm: WAITING_BYTES_MAX,
      preservePath: true, // Names are cleaned later, for all ways of uploading alike.
      limits: {
        fieldSize: FILE_OPTIONS_BYTES_MAX + 1,
        parts: PARTS_MAX,
        headerPairs: PART_HEADERS_MAX,
        headerSize: PART_HEADER_BYTES_MAX,
      },
    });
    this.#parser.on("error", (cause: unknown) => this.fail(brokenForm(cause)));
    this.#parser.on("partsLimit", () => this.fail(brokenForm("it has too many parts")));
    this.#parser.on("field", (name, value) => this.#onField(name, value));
    this.#parser.on("file", (name, stream, ...[filename, , type]) =>
      this.#onFile(name, stream, { filename: unquoted(filename), contentType: type }),
    );
  }

  /** Rejects with the first thing that is wrong. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure.reject(error);
    this.#file?.destroy(error instanceof Error ? error : bodyCut(error));
  }

  async feed(body: AsyncIterable<Uint8Array>): Promise<void> {
    const parsed = Promise.withResolvers<void>();
    this.#parser.once("finish", () => parsed.resolve());
    for await (const chunk of body) {
      if (this.#isOver) return;
      this.#bytes?.fed(chunk);
      if (!this.#parser.write(asBuffer(chunk))) await this.#drained();
    }
    this.#parser.end();
    await parsed.promise;
  }

  #drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parser.once("drain", () => resolve());
    return Promise.race([promise, this.failed]);
  }

  #onField(name: string | undefined, value: string): void {
    if (this.#isOver) return;
    try {
      this.#reader.onField(name ?? "", value);
    } catch (error) {
      this.fail(error);
    }
  }

  #onFile(name: string | undefined, stream: Readable, about: Omit<FilePart, "bytes">): void {
    stream.on("error", () => {}); // Whoever reads it hears of it; if nobody does yet, it must not end the process.
    if (this.#isOver || name !== "file" || this.#file !== undefined) {
      stream.resume();
      const message = name === "file" ? "comes twice: one file per request" : "is not a file of this form";
      this.fail(invalid([{ path: `/${(name ?? "").slice(0, 64)}`, message }]));
      return;
    }
    this.#file = stream;
    this.#bytes = new PartBytes(stream);
    this.fileTaken = this.#reader.onFile({ ...about, bytes: this.#bytes });
    this.fileTaken.catch((error) => this.fail(error));
  }
}

/**
 * Browsers write these three characters of a name so, and leave a percent sign as it is.
 * @see https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
 */
function unquoted(filename: string | undefined): string | undefined {
  return filename?.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n");
}

/** Bun's chunks are plain; the parser asks for more. */
function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function brokenForm(cause: unknown): Fault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Fault("BAD_REQUEST", `the form cannot be read: ${reason}`, { cause });
}
