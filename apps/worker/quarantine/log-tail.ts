/** The end of what a process writes, in bounded memory. */
export class LogTail {
  readonly #bytesMax: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Cut now and then, not at each chunk: that would copy everything for each line.
    if (this.#bytes > 2 * this.#bytesMax) this.#cut();
  }

  /** Begins with a whole line, and says so, when something was dropped. */
  text(): string {
    this.#cut();
    const text = new TextDecoder().decode(Buffer.concat(this.#chunks));
    if (this.#dropped === 0) return text;
    const lineEnd = text.indexOf("\n");
    const kept = lineEnd === -1 || lineEnd === text.length - 1 ? text : text.slice(lineEnd + 1);
    return `(… the first ${this.#dropped} bytes and the rest of their line were dropped)\n${kept}`;
  }

  #cut(): void {
    const excess = this.#bytes - this.#bytesMax;
    if (excess <= 0) return;
    this.#chunks = [Buffer.concat(this.#chunks).subarray(excess)];
    this.#bytes = this.#bytesMax;
    this.#dropped += excess;
  }
}
