import { Fault } from "@millrace/core";
import { EMAIL_CHARS_MAX } from "@millrace/core/limits";

/** Only the form is checked: whether mail arrives, mail alone can tell. No white space, no control characters. */
const EMAIL = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u;

/** The one spelling under which an account is kept. Throws VALIDATION_FAILED. */
export function normaliseEmail(given: string): string {
  const email = given.trim().normalize("NFC").toLowerCase();
  if (email.length <= EMAIL_CHARS_MAX && EMAIL.test(email)) return email;
  const message = "must be an email address";
  throw new Fault("VALIDATION_FAILED", `in the body: /email ${message}`, {
    errors: [{ path: "/email", message }],
  });
}
