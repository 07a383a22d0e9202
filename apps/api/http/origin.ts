import { Fault } from "@millrace/core";

/** A host as breakers and limits name it: `https://api.example.org:8443`. Throws VALIDATION_FAILED for anything else. */
export function requireOrigin(text: string, path: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
  if (isOrigin) return text;
  const message = "must be an origin: scheme, name and port, such as https://api.example.org";
  throw new Fault("VALIDATION_FAILED", "the input breaks a rule", { errors: [{ path, message }] });
}
