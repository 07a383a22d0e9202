import { useEffect, useState } from "preact/hooks";
import { Badge } from "../../parts/badge.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { Link } from "../../parts/link.tsx";
import { Listing } from "../../parts/listing.tsx";
import { Moment } from "../../parts/moment.tsx";
import { briefJson, bytesWords } from "../../parts/words.ts";
import { carryOut, sayFailure } from "../../state/notices.ts";
import { callApi } from "../../wire/api.ts";
import { followEvents } from "../../wire/sent-events.ts";
import type { StoredFile } from "../../wire/shapes.ts";
import { download } from "./download.ts";

interface FileTableProps {
  readonly files: readonly StoredFile[];
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly onChange: (file: StoredFile) => void;
  readonly onGone: () => void;
}

export function FileTable({ files, hasMore, more, onChange, onGone }: FileTableProps) {
  return (
    <Listing
      title="Files"
      head={["File", "Operation", "State", "Size", "Uploaded", ""]}
      items={files}
      keyOf={({ file_id: id }) => id}
      row={(file) => <FileRow file={file} onChange={onChange} onGone={onGone} />}
      more={hasMore ? more : undefined}
    />
  );
}

type FileRowProps = Pick<FileTableProps, "onChange" | "onGone"> & { readonly file: StoredFile };

function FileRow({ file, onChange, onGone }: FileRowProps) {
  const isOpen = file.status !== "completed" && file.status !== "failed";
  useEffect(() => {
    if (!isOpen) return;
    return followEvents(`/api/files/${file.file_id}/stream`, {
      isEndless: false,
      onEvent: ({ name, data }) => {
        if (name === "file") onChange(JSON.parse(data));
        if (name === "gone") onGone();
      },
    });
  }, [file.file_id, isOpen]);
  return (
    <tr>
      <td>
        <strong>{file.filename}</strong>
        {file.error !== null && (
          <p class="small mistake">
            {file.error.code}: {file.error.message}
          </p>
        )}
        {file.summary !== null && <p class="small soft mono">{briefJson(file.summary, 90)}</p>}
      </td>
      <td class="nowrap" data-name="does">
        {file.operation}
      </td>
      <td>
        <Badge word={file.status} />
        {isOpen && file.progress !== null && (
          <progress class="busy" max={1} value={file.progress} aria-label={`Progress of ${file.filename}`} />
        )}
      </td>
      <td class="nowrap" data-name="size">
        {bytesWords(file.size ?? file.uploaded)}
      </td>
      <td data-name="uploaded">
        <Moment at={file.created_at} />
      </td>
      <td>
        <FileActions file={file} onGone={onGone} />
      </td>
    </tr>
  );
}

function FileActions({ file, onGone }: Pick<FileRowProps, "file" | "onGone">) {
  const [isAsking, setAsking] = useState(false);
  const { file_id: id, filename, result } = file;
  const remove = async () => {
    const deed = () => callApi(`/api/files/${id}`, { method: "DELETE" });
    if (await carryOut(deed, `${filename} is deleted.`)) onGone();
  };
  const get = (path: string, name: string) => void download(path, name).catch(sayFailure);
  return (
    <div class="actions">
      {result !== null && (
        <button
          type="button"
          onClick={() => get(`/api/files/${id}/result`, result.name)}
          aria-label={`Download the result of ${filename}`}
        >
          Result
        </button>
      )}
      <button
        type="button"
        class="plain"
        onClick={() => get(`/api/files/${id}/content`, filename)}
        aria-label={`Download ${filename}`}
      >
        Original
      </button>
      {file.task_id !== null && (
        <Link to={`/tasks/${encodeURIComponent(file.task_id)}`} class="button plain">
          Task
        </Link>
      )}
      <button type="button" class="plain" onClick={() => setAsking(true)} aria-label={`Delete ${filename}`}>
        Delete
      </button>
      {isAsking && (
        <Confirm
          title={`Delete ${filename}?`}
          deed="Delete it"
          onConfirm={() => void remove()}
          onClose={() => setAsking(false)}
        >
          <p>The file goes, and its result with it. If it is being processed, that is cancelled.</p>
        </Confirm>
      )}
    </div>
  );
}
