import { open } from "node:fs/promises";
import { IMAGE_HELD_BYTES_MAX, IMAGE_PIXELS_MAX, IMAGE_SIDE_PIXELS_MAX } from "@millrace/core/limits";
import type { FileOptions } from "@millrace/protocol/file-operations/index";
import sharp, { type Metadata, type Sharp } from "sharp";
import { gifShape, type ImageKind, type ImageShape, imageKind } from "../image/image-kind.ts";
import { defineOperation, inputInvalid, type OperationInput } from "../operation.ts";

// Only what we know the limits of may read a file: libvips has readers for SVG, PDF and more, some of which open others.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Nsgif"].map((format) => `VipsForeignLoad${format}File`),
});
sharp.cache(false);
// One core for one file: that is what MAX_FILE_WORKERS promises.
sharp.concurrency(1);

/**
 * What an image will take in memory is computed from its header, before anything is unpacked, and bounded. Most are read
 * row by row: a JPEG of 81 megapixels took 25 MB. Progressive and interlaced ones, GIF and lossless WebP are held whole.
 */
export default defineOperation("thumbnail", async (input, options) => {
  const head = await readHead(input);
  const kind = imageKind(head);
  if (kind === undefined)
    throw inputInvalid("not a JPEG, PNG, WebP or GIF image: its first bytes are none of theirs");
  if (kind.format === "gif") checkSize(gifShape(head), kind);
  const metadata = await readable(sharp(input.path, { limitInputPixels: false }).metadata());
  checkSize(shapeOf(metadata), kind);
  const hasAlpha = metadata.hasAlpha === true;
  const format = options.format === "auto" ? (hasAlpha ? "png" : "jpeg") : options.format;
  const small = shrunk(openImage(input), options);
  // Black, which JPEG would put behind transparency, hides dark drawings.
  const opaque = format === "jpeg" && hasAlpha ? small.flatten({ background: "white" }) : small;
  const written = opaque.toFormat(format, format === "png" ? {} : { quality: options.quality });
  const { data, info } = await input.native(() => readable(written.toBuffer({ resolveWithObject: true })));
  return {
    output: { contentType: `image/${format}`, extension: format === "jpeg" ? "jpg" : format, body: data },
    summary: () => ({
      format,
      width: info.width,
      height: info.height,
      bytes: data.length,
      source: { format: kind.format, width: metadata.width, height: metadata.height },
    }),
  };
});

function openImage(input: OperationInput): Sharp {
  return sharp(input.path, {
    sequentialRead: true,
    limitInputPixels: IMAGE_PIXELS_MAX,
    failOn: "error",
    animated: false,
    // The library cannot be stopped, so it gets the time limit too.
  }).timeout({ seconds: Math.max(1, Math.ceil(input.timeoutMs / 1_000)) });
}

function shrunk(image: Sharp, { width, height, fit }: FileOptions<"thumbnail">): Sharp {
  return image.autoOrient().resize({ width, height, fit, withoutEnlargement: true });
}

const HEAD_BYTES = 16;

async function readHead({ path }: OperationInput): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

function shapeOf({ width, height, isProgressive, channels, depth }: Metadata): ImageShape {
  const sampleBytes = depth === "uchar" ? 1 : 2;
  return { width, height, isProgressive: isProgressive === true, channels, sampleBytes };
}

const MB = 1_000_000;

function checkSize(shape: ImageShape, kind: ImageKind): void {
  const { width, height } = shape;
  const size = `${shape.isProgressive ? "progressive " : ""}${kind.format} image of ${width} × ${height} pixels`;
  if (width * height > IMAGE_PIXELS_MAX || Math.max(width, height) > IMAGE_SIDE_PIXELS_MAX)
    throw inputInvalid(
      `a ${size}: at most ${IMAGE_PIXELS_MAX / MB} million pixels are read, and ${IMAGE_SIDE_PIXELS_MAX} a side`,
    );
  const heldBytes = kind.heldBytes(shape);
  if (heldBytes > IMAGE_HELD_BYTES_MAX)
    throw inputInvalid(
      `a ${size} takes some ${Math.ceil(heldBytes / MB)} MB of memory: at most ${IMAGE_HELD_BYTES_MAX / MB} MB are spent`,
    );
}

/** What the library refuses is wrong with the file, except that it ran out of time. */
async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (/timeout/i.test(message)) throw error;
    throw inputInvalid(`the image cannot be read: ${message}`);
  }
}
