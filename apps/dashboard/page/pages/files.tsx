import { useEffect } from "preact/hooks";
import { Nothing, Shown } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { usePages } from "../state/pages.ts";
import { getJson, queryOf } from "../wire/api.ts";
import type { FilePage, StoredFile } from "../wire/shapes.ts";
import { FileTable } from "./files/file-table.tsx";
import { UploadBox } from "./files/upload-box.tsx";
import { onUploaded } from "./files/upload-queue.ts";
import { Uploads } from "./files/uploads.tsx";

const PAGE_SIZE = 100;

export function Files() {
  const { loaded, more } = usePages<StoredFile, FilePage>("files", (cursor, signal) =>
    getJson(`/api/files${queryOf({ limit: PAGE_SIZE, cursor })}`, signal),
  );
  useEffect(() => onUploaded(loaded.reload), [loaded.reload]);
  const change = (file: StoredFile) =>
    loaded.change((page) => ({
      ...page,
      items: page.items.map((one) => (one.file_id === file.file_id ? file : one)),
    }));
  return (
    <Page title="Files" about="Uploaded, processed in threads of their own, and kept with their results">
      <div class="stack">
        <UploadBox />
        <Uploads />
        <Shown loaded={loaded}>
          {(page) =>
            page.items.length === 0 ? (
              <Nothing title="No files yet.">Drop one above; what becomes of it is shown here.</Nothing>
            ) : (
              <FileTable
                files={page.items}
                hasMore={page.next_cursor !== null}
                more={more}
                onChange={change}
                onGone={loaded.reload}
              />
            )
          }
        </Shown>
      </div>
    </Page>
  );
}
