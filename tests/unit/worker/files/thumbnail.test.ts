import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import { imageKind } from "@millrace/worker/files/image/image-kind";
import sharp, { type Sharp } from "sharp";
import { type OperationEnd, runOperation } from "../../../support/file-operation.ts";
import { scratch } from "../../../support/scratch.ts";

/** Left half red, right half blue. */
function twoColours(width: number, height: number, alpha = 1): Sharp {
  const left = {
    create: { width: width / 2, height, channels: 4 as const, background: { r: 255, g: 0, b: 0, alpha } },
  };
  return sharp({
    create: { width, height, channels: 4, background: { r: 0, g: 0, b: 255, alpha } },
  }).composite([{ input: left, left: 0, top: 0 }]);
}

function thumbnailOf(content: Uint8Array, options: Json = {}): Promise<OperationEnd> {
  return runOperation("thumbnail", { content, options });
}

/** From a file: the operation closes libvips's other readers for the whole process. */
async function opened(image: Uint8Array): Promise<Sharp> {
  const path = `${(await scratch()).folder("image")}/image`;
  await Bun.write(path, image);
  return sharp(path);
}

async function colourAt(image: Uint8Array, x: number, y: number): Promise<string> {
  const { data } = await (await opened(image))
    .removeAlpha()
    .extract({ left: x, top: y, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [red = 0, , blue = 0] = data;
  return red > 200 && blue < 60 ? "red" : blue > 200 && red < 60 ? "blue" : `${red}/${blue}`;
}

const opaque = (width: number, height: number) => twoColours(width, height).removeAlpha();

describe("the size", () => {
  test.each<[string, Json, number, number]>([
    ["fits inside 256 × 256", {}, 256, 128],
    ["fits inside what is asked for", { width: 100, height: 10 }, 20, 10],
    ["covers what is asked for", { width: 50, height: 50, fit: "cover" }, 50, 50],
    ["is never enlarged", { width: 2_000, height: 2_000 }, 400, 200],
  ])("%s", async (_, options, width, height) => {
    const { bytes, summary } = await thumbnailOf(await opaque(400, 200).png().toBuffer(), options);
    expect(summary).toMatchObject({ width, height, source: { format: "png", width: 400, height: 200 } });
    expect(await (await opened(bytes)).metadata()).toMatchObject({ width, height });
  });
});

describe("the format", () => {
  test.each(["jpeg", "png", "webp", "gif"] as const)("%s is read", async (format) => {
    const { summary } = await thumbnailOf(await opaque(64, 64).toFormat(format).toBuffer());
    expect(summary).toMatchObject({ source: { format } });
  });

  test.each([
    ["jpeg", "image/jpeg", "jpg"],
    ["png", "image/png", "png"],
    ["webp", "image/webp", "webp"],
  ])("%s is written", async (format, contentType, extension) => {
    const end = await thumbnailOf(await opaque(64, 64).png().toBuffer(), { format });
    expect(end).toMatchObject({ contentType, extension });
    expect(await (await opened(end.bytes)).metadata()).toMatchObject({ format });
  });

  test("transparency makes a PNG, its absence a JPEG, unless another is asked for", async () => {
    const transparent = await twoColours(64, 64, 0.5).png().toBuffer();
    expect((await thumbnailOf(transparent)).contentType).toBe("image/png");
    expect((await thumbnailOf(await opaque(64, 64).png().toBuffer())).contentType).toBe("image/jpeg");
    expect((await thumbnailOf(transparent, { format: "jpeg" })).contentType).toBe("image/jpeg");
  });
});

test("a picture that lies on its side stands up, and keeps no metadata", async () => {
  // Orientation 6: turn right by 90°. What was left comes up.
  const lying = await opaque(200, 100).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
  const { bytes, summary } = await thumbnailOf(lying, { format: "png" });
  expect(summary).toMatchObject({ width: 100, height: 200 });
  expect([await colourAt(bytes, 50, 10), await colourAt(bytes, 50, 190)]).toEqual(["red", "blue"]);
  expect((await (await opened(bytes)).metadata()).exif).toBeUndefined();
});

describe("what cannot be read is refused", () => {
  const text = (content: string) => new TextEncoder().encode(content);

  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ["nothing", () => text(""), "not a JPEG, PNG, WebP or GIF image"],
    ["text", () => text("hello"), "not a JPEG, PNG, WebP or GIF image"],
    [
      "SVG, which could read other files",
      () => text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      "not a JPEG, PNG, WebP or GIF image",
    ],
    ["a PNG's beginning alone", () => text("\x89PNG\r\n\x1a\n"), "not a JPEG"],
    [
      "half an image",
      async () => {
        const whole = await sharp({
          create: {
            width: 400,
            height: 400,
            channels: 3,
            background: "red",
            noise: { type: "gaussian", mean: 99, sigma: 60 },
          },
        })
          .png()
          .toBuffer();
        return whole.subarray(0, whole.length / 2);
      },
      "the image cannot be read",
    ],
    [
      "50 000 × 50 000 pixels in some bytes of PNG",
      () => png(50_000, 50_000),
      "png image of 50000 × 50000 pixels",
    ],
    [
      "65 535 × 65 535 pixels in some bytes of GIF",
      () => gif(65_535, 65_535),
      "gif image of 65535 × 65535 pixels",
    ],
    ["a GIF that would take 163 MB", () => gif(5_000, 5_000), "takes some 163 MB of memory"],
    ["a PNG whose rows are too long to hold", () => png(29_000, 5_000), "takes some 148 MB of memory"],
    [
      "a progressive JPEG that would take 84 MB",
      () =>
        sharp({ create: { width: 6_000, height: 4_000, channels: 3, background: "red" } })
          .jpeg({ progressive: true })
          .toBuffer(),
      "progressive jpeg image of 6000 × 4000 pixels takes some 84 MB",
    ],
  ])("%s", async (_, content, message) => {
    const running = thumbnailOf(new Uint8Array(await content()));
    await expect(running).rejects.toMatchObject({ code: "INPUT_INVALID", isRetryable: false });
    await expect(running).rejects.toThrow(message);
  });
});

test("a large baseline JPEG is no problem", async () => {
  const large = await sharp({ create: { width: 9_000, height: 9_000, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  expect((await thumbnailOf(large)).summary).toMatchObject({ width: 256, height: 256 });
});

test("an image is known by its bytes", () => {
  const of = (latin1: string) => imageKind(Buffer.from(latin1, "latin1"))?.format;
  expect(of("\xff\xd8\xff\xe0")).toBe("jpeg");
  expect(of("GIF89a")).toBe("gif");
  expect(of("RIFF\0\0\0\0WEBPVP8 ")).toBe("webp");
  expect(of("RIFF\0\0\0\0WAVEfmt ")).toBeUndefined();
  expect(of("BM")).toBeUndefined();
});

/** A PNG that says how large it is, and holds next to nothing. */
function png(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const pixels = Bun.deflateSync(new Uint8Array(1_000), { windowBits: 15 });
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", pixels),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(body, 8);
  bytes.writeUInt32BE(Bun.hash.crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
  return bytes;
}

function gif(width: number, height: number): Uint8Array {
  const size = (value: number) => [value & 0xff, value >> 8];
  const screen = [...size(width), ...size(height), 0x80, 0, 0, 0, 0, 0, 255, 255, 255];
  const frame = [0x2c, 0, 0, 0, 0, ...size(width), ...size(height), 0, 2, 2, 0x4c, 1, 0, 0x3b];
  return Buffer.concat([Buffer.from("GIF89a", "latin1"), Buffer.from([...screen, ...frame])]);
}
