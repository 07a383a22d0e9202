export interface StreamedForm {
  readonly contentType: string;
  readonly body: ReadableStream<Uint8Array>;
}

export interface FormFields {
  readonly filename: string;
  /** Sent before the file, so that what is wrong with them is said before it was. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A form whose file is a stream, which no `FormData` takes: it is read as it is sent, and never held as a whole. */
export function streamedForm(
  file: AsyncIterable<Uint8Array>,
  { filename, fields }: FormFields,
): StreamedForm {
  const boundary = `millrace-${crypto.randomUUID()}`;
  const part = (disposition: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
  const encoder = new TextEncoder();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const [name, value] of Object.entries(fields))
      yield encoder.encode(`${part(`name="${name}"`)}${value}\r\n`);
    yield encoder.encode(part(`name="file"; filename="${quoted(filename)}"`));
    yield* file;
    yield encoder.encode(`\r\n--${boundary}--\r\n`);
  }
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: streamOf(pieces()) };
}

/** As browsers do: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function quoted(name: string): string {
  return name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      await pieces.return(undefined);
    },
  });
}
