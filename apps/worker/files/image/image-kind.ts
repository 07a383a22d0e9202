export interface ImageShape {
  readonly width: number;
  readonly height: number;
  /** Sent in passes over the whole image: a progressive JPEG, an interlaced PNG. */
  readonly isProgressive: boolean;
  readonly channels: number;
  readonly sampleBytes: number;
}

export interface ImageKind {
  readonly format: "jpeg" | "png" | "webp" | "gif";
  /** Bytes that libvips 8.18 needs at once to shrink such an image, roughly; measured with images of 25 … 240 megapixels. */
  heldBytes(image: ImageShape): number;
}

/** Rows of a PNG that are held while it is shrunk: 30 000 × 8 000 RGBA took 148 MB, 12 000 × 12 000 RGB 61 MB. */
const PNG_ROWS_HELD = 1_700;

const JPEG: ImageKind = {
  format: "jpeg",
  // Baseline images are shrunk while they are read: 30 000 × 8 000 took 14 MB.
  heldBytes: ({ width, height, isProgressive }) => (isProgressive ? width * height * 3.5 : width * 500),
};
const PNG: ImageKind = {
  format: "png",
  heldBytes: ({ width, height, channels, sampleBytes, isProgressive }) => {
    const rowBytes = width * channels * sampleBytes;
    return isProgressive ? rowBytes * height * 1.25 : rowBytes * Math.min(height, PNG_ROWS_HELD);
  },
};
const LOSSY_WEBP: ImageKind = { format: "webp", heldBytes: ({ width }) => width * 1_500 };
const WEBP: ImageKind = { format: "webp", heldBytes: ({ width, height }) => width * height * 5.6 };
const GIF: ImageKind = { format: "gif", heldBytes: ({ width, height }) => width * height * 6.5 };

/** By the first 16 bytes, whatever the file is called; undefined: none that we read. */
export function imageKind(head: Uint8Array): ImageKind | undefined {
  const text = String.fromCharCode(...head.subarray(0, 16));
  if (text.startsWith("\xff\xd8\xff")) return JPEG;
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return PNG;
  if (/^GIF8[79]a/.test(text)) return GIF;
  if (!text.startsWith("RIFF") || text.slice(8, 12) !== "WEBP") return undefined;
  // "VP8X" and "VP8L" may hold, or are, a lossless image.
  return text.slice(12, 16) === "VP8 " ? LOSSY_WEBP : WEBP;
}

/** The size that stands in the head of a GIF. To tell its size, libvips would unpack its first frame. */
export function gifShape(head: Uint8Array): ImageShape {
  const sideAt = (at: number): number => (head[at] ?? 0) + (head[at + 1] ?? 0) * 256;
  return { width: sideAt(6), height: sideAt(8), isProgressive: false, channels: 4, sampleBytes: 1 };
}
