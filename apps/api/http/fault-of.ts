import { Fault } from "@millrace/core";
import { storeFaultOf } from "@millrace/store";
import { NotFoundError, ParseError, ValidationError } from "elysia";
import { describeValidation } from "./validation.ts";

/**
 * Whatever was thrown, as a fault. Unknown errors are ours: INTERNAL, with the error as its cause.
 * @param url of the request, when it is known.
 */
export function faultOf(error: unknown, url?: string): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof ParseError) return faultOfParsing(error);
  if (error instanceof ValidationError && error.type !== "response") return describeValidation(error, url);
  if (error instanceof NotFoundError) return new Fault("NOT_FOUND", "there is no such path");
  const storeFault = storeFaultOf(error);
  if (storeFault !== undefined) return storeFault;
  return new Fault("INTERNAL", "unexpected error", { cause: error });
}

/** Elysia wraps what a body reader throws; readers throw faults. */
function faultOfParsing(error: ParseError): Fault {
  if (error.cause instanceof Fault) return error.cause;
  return new Fault("BAD_REQUEST", "the body cannot be read", { cause: error });
}
