import { Fault } from "@millrace/core";
import { PASSWORD_CHARS_MIN } from "@millrace/core/limits";

/**
 * Length is what counts (NIST SP 800-63B): no rules about digits or signs, only the passwords that a guesser tries
 * first. Throws VALIDATION_FAILED. The longest length is the schema's business.
 */
export function requireGoodPassword(password: string, email: string): void {
  const message = weaknessOf(password, email);
  if (message !== undefined)
    throw new Fault("VALIDATION_FAILED", `in the body: /password ${message}`, {
      errors: [{ path: "/password", message }],
    });
}

function weaknessOf(password: string, email: string): string | undefined {
  const chars = [...password.normalize("NFC")];
  if (chars.length < PASSWORD_CHARS_MIN) return `must have ${PASSWORD_CHARS_MIN} characters at least`;
  if (new Set(chars).size < 4) return "must have four different characters at least";
  const lowered = password.toLowerCase();
  if (lowered === email || lowered === email.split("@")[0]) return "must not be the email address";
  return undefined;
}
