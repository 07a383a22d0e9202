import { FILE_STATUSES } from "@millrace/core";
import type { Command } from "../command.ts";
import { GET_OPTIONS, get } from "../files/get.ts";
import { LIST_OPTIONS, list } from "../files/list.ts";
import { REMOVE_OPTIONS, remove } from "../files/remove.ts";
import { RESULT_OPTIONS, result } from "../files/result.ts";
import { UPLOAD_OPTIONS, upload } from "../files/upload.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { withClient } from "../shell/with-client.ts";

const ACTIONS = { ls: list, upload, get, result, rm: remove } as const;

export const command: Command = {
  summary: "Files: upload them, follow their processing, fetch what was made of them",
  usage: `ls|upload|get|result|rm [arguments]

  ls [--status S] [--limit N] [--cursor C]   newest first
  upload <path> <operation>                  uppercase, text-stats, csv-profile, checksum, gzip, thumbnail
         [--options JSON] [--name NAME]
         [--wait] [--wait-seconds N]         until it is processed (600 s)
         [--resume <file_id>]                goes on with an upload that was broken off
  get <file_id>
  result <file_id> [--out PATH|-]            into its own name here; a file that exists is never overwritten
         [--content]                         the file as it was uploaded
  rm <file_id>                               with its result; an unfinished task is cancelled

  --json                                     as the API answers

Files from 8 MiB on are sent in chunks, and go on where they were when a connection breaks.`,
  takes: {
    actions: {
      ls: { options: LIST_OPTIONS, values: { status: FILE_STATUSES } },
      upload: { options: UPLOAD_OPTIONS },
      get: { options: GET_OPTIONS },
      result: { options: RESULT_OPTIONS },
      rm: { options: REMOVE_OPTIONS },
    },
  },
  run: (input) =>
    withClient(input, async ({ files }) => {
      const [action = "", ...args] = input.args;
      const run = chooseAction("files", action, ACTIONS);
      return run(files, { ...input, args });
    }),
};
