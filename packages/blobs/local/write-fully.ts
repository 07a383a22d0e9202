import type { FileHandle } from "node:fs/promises";

/** A single write may take less than it was given, last when the disk fills up. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    if (bytesWritten === 0) throw new Error("the disk takes no bytes, and does not say why");
    done += bytesWritten;
  }
}
