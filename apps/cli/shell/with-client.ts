import {
  ApiError,
  type Client,
  createClient,
  FileWaitTimeoutError,
  PartlySentError,
  StoreTimeoutError,
  UnreachableError,
  WaitTimeoutError,
} from "@millrace/client";
import type { CommandInput } from "../command.ts";
import { EXIT } from "./exit-status.ts";
import { findStack } from "./find-stack.ts";
import { printable } from "./printable.ts";
import { UsageError } from "./read-arguments.ts";

/** Runs what talks to the API, and turns each way in which that can fail into a message and an exit status. */
export async function withClient(
  input: CommandInput,
  work: (client: Client) => Promise<number>,
): Promise<number> {
  try {
    const stack = findStack(input);
    if (!stack.ok) {
      input.complain(stack.why);
      return EXIT.unreachable;
    }
    return await work(createClient({ baseUrl: stack.baseUrl, apiKey: stack.apiKey }));
  } catch (error) {
    const { message, status } = describeFailure(error);
    input.complain(printable(message));
    return status;
  }
}

/** Throws on what is none of these: a bug must be loud. */
export function describeFailure(error: unknown): { readonly message: string; readonly status: number } {
  if (error instanceof UsageError)
    return { message: `${error.message}. --help says how to call it.`, status: EXIT.usage };
  if (error instanceof WaitTimeoutError || error instanceof FileWaitTimeoutError)
    return { message: `${error.message}; it goes on, only the waiting ended`, status: EXIT.failed };
  if (error instanceof StoreTimeoutError)
    return { message: `${error.message}; they are safe, only the waiting ended`, status: EXIT.failed };
  if (error instanceof PartlySentError) return describeFailure(error.cause);
  if (error instanceof UnreachableError)
    return {
      message: `${error.message}. Is the stack running? \`bun start\` starts it.`,
      status: EXIT.unreachable,
    };
  if (error instanceof ApiError) return { message: messageOf(error), status: statusOf(error) };
  throw error;
}

function messageOf(error: ApiError): string {
  const correlation = error.correlationId === null ? "" : ` [correlation id ${error.correlationId}]`;
  return `${error.message}${adviceFor(error)}${correlation}`;
}

function adviceFor({ status, retryAfterMs }: ApiError): string {
  if (status === 401) return ". Set MILLRACE_API_KEY to a valid key.";
  if (status === 403) return ". Use a key with more rights (POST /api/auth/keys makes one).";
  if (retryAfterMs !== null) return `. Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`;
  return "";
}

function statusOf({ status }: ApiError): number {
  if (status === 401 || status === 403) return EXIT.unauthorised;
  return status === 400 || status === 413 || status === 422 ? EXIT.usage : EXIT.failed;
}
