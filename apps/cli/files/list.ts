import { FILE_STATUSES } from "@millrace/core";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments, wholeOption, wordOption } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import type { Action } from "./action.ts";
import { statusOf } from "./show-file.ts";

export const LIST_OPTIONS = {
  status: { type: "string" },
  limit: { type: "string" },
  cursor: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const list: Action = async (files, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, LIST_OPTIONS);
  positionals(rest, []);
  const status = wordOption("status", values.status, FILE_STATUSES);
  const limit = wholeOption("limit", values.limit);
  const page = await files.list({
    ...(status !== undefined && { status }),
    ...(limit !== undefined && { limit }),
    ...(values.cursor !== undefined && { cursor: values.cursor }),
  });
  if (values.json) say(JSON.stringify(page));
  else if (page.items.length === 0) say("no files");
  else {
    const more = page.next_cursor === null ? "" : `\n\nthe next page: --cursor ${page.next_cursor}`;
    const rows = page.items.map((file) => [
      ...[file.file_id, file.filename, String(file.size ?? file.declared_size ?? ""), file.operation ?? ""],
      ...[statusOf(file), file.created_at],
    ]);
    say(`${formatTable(["file", "name", "bytes", "operation", "status", "created"], rows)}${more}`);
  }
  return EXIT.done;
};
