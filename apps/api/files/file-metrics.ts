import type { Fault } from "@millrace/core";
import type { Metrics } from "@millrace/observe";
import type { UploadKind } from "@millrace/store";
import type { UploadSlots } from "./upload-slots.ts";

export interface FileMetrics {
  begun(kind: UploadKind): void;
  /** Bytes that arrived, kept or not. */
  received(kind: UploadKind, bytes: number): void;
  finished(kind: UploadKind): void;
  /** Refused at the door, or broken off. */
  refused(kind: UploadKind, code: Fault["code"] | "ABORTED"): void;
  sent(what: "content" | "result", bytes: number): void;
}

export function createFileMetrics(metrics: Metrics, slots: UploadSlots): FileMetrics {
  const uploads = metrics.counter({
    name: "millrace_uploads_total",
    help: "Uploads by what became of them: begun, finished.",
    labels: ["kind", "step"],
  });
  const bytes = metrics.counter({
    name: "millrace_upload_bytes_total",
    help: "Bytes of files that arrived, kept or not.",
    labels: ["kind"],
  });
  const refused = metrics.counter({
    name: "millrace_uploads_refused_total",
    help: "Uploads that were refused or broken off, by the code of the problem.",
    labels: ["kind", "code"],
  });
  const sent = metrics.counter({
    name: "millrace_download_bytes_total",
    help: "Bytes of contents and results that were asked for.",
    labels: ["what"],
  });
  metrics.gauge({
    name: "millrace_uploads_arriving",
    help: "Uploads whose bytes this process takes in now.",
    collect: (gauge) => gauge.set({}, slots.taken),
  });
  return {
    begun: (kind) => uploads.add({ kind, step: "begun" }),
    received: (kind, count) => bytes.add({ kind }, count),
    finished: (kind) => uploads.add({ kind, step: "finished" }),
    refused: (kind, code) => refused.add({ kind, code }),
    sent: (what, count) => sent.add({ what }, count),
  };
}
