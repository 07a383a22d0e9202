import type { Writable } from "node:stream";

/**
 * Writes to a stream whose reader may leave before the end (`millrace ls | head -1`). Then there is nobody to write for,
 * which is no error: what follows is dropped, and `onClosed` is called once.
 */
export function writerTo(stream: Writable, onClosed: () => void = () => {}): (text: string) => void {
  let isOpen = true;
  const close = (error: unknown) => {
    if (!isBrokenPipe(error)) throw error;
    if (isOpen) onClosed();
    isOpen = false;
  };
  stream.on("error", close);
  return (text) => {
    if (!isOpen) return;
    try {
      stream.write(text);
    } catch (error) {
      close(error); // Bun throws what Node emits.
    }
  };
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
