import type { ByteSource } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { CryptoHasher } from "bun";
import { lent } from "../files/lent.ts";

/** The first is the one that the protocol demands. */
export const CHECKSUM_ALGORITHMS = ["sha1", "sha256", "sha512", "md5"] as const;
type Algorithm = (typeof CHECKSUM_ALGORITHMS)[number];

const DIGEST_BYTES: Readonly<Record<Algorithm, number>> = { sha1: 20, sha256: 32, sha512: 64, md5: 16 };

/** Of one request's bytes. */
export interface Checksum {
  readonly algorithm: Algorithm;
  /** In base64, as it was sent. */
  readonly digest: string;
}

/**
 * The header Upload-Checksum: algorithm, space, digest in base64.
 * @throws Fault BAD_REQUEST when it is malformed, or names an algorithm that is not known here
 */
export function readChecksum(header: string | null): Checksum | undefined {
  if (header === null) return undefined;
  const [name, digest = "", ...rest] = header.trim().split(" ");
  const algorithm = CHECKSUM_ALGORITHMS.find((each) => each === name);
  if (algorithm === undefined) {
    const known = CHECKSUM_ALGORITHMS.join(", ");
    throw new Fault("BAD_REQUEST", `Upload-Checksum names an algorithm that is not one of ${known}`);
  }
  const bytes = Buffer.from(digest, "base64");
  if (rest.length > 0 || bytes.length !== DIGEST_BYTES[algorithm] || bytes.toString("base64") !== digest)
    throw new Fault("BAD_REQUEST", `Upload-Checksum must be ${algorithm}, a space, and the digest in base64`);
  return { algorithm, digest };
}

/**
 * The same bytes. When they end without the checksum, CHECKSUM_MISMATCH is thrown in place of the end, so that nobody
 * takes them for complete.
 */
export function verified(source: Required<ByteSource>, checksum: Checksum): Required<ByteSource> {
  return lent(verifiedChunks(source, checksum), (chunk) => source.giveBack(chunk));
}

async function* verifiedChunks(
  source: ByteSource,
  { algorithm, digest }: Checksum,
): AsyncGenerator<Uint8Array> {
  const hasher = new CryptoHasher(algorithm);
  for await (const chunk of source) {
    hasher.update(chunk);
    yield chunk;
  }
  if (hasher.digest("base64") !== digest)
    throw new Fault("CHECKSUM_MISMATCH", `the bytes have another ${algorithm} than Upload-Checksum says`);
}
