import { expect, test } from "bun:test";
import { markOf } from "@millrace/api/files/stream-mark";
import type { FileView } from "@millrace/api/files/view-file";

type Standing = Pick<FileView, "status" | "attempts" | "progress" | "uploaded">;
const at = (standing: Partial<Standing>) =>
  markOf({ status: "queued", attempts: 0, progress: 0, uploaded: 0, ...standing } as FileView);

test("each step of a file's life is further on than the one before, also through a retry", () => {
  const life = [
    at({ status: "uploading" }),
    at({ status: "uploading", uploaded: 9 }),
    at({ status: "uploading", uploaded: 10 }),
    at({ status: "queued", uploaded: 20 }),
    at({ status: "processing", attempts: 1, progress: 0 }),
    at({ status: "processing", attempts: 1, progress: 0.5 }),
    at({ status: "queued", attempts: 1 }),
    at({ status: "processing", attempts: 2, progress: 0.1 }),
    at({ status: "failed", attempts: 2, progress: null }),
    at({ status: "queued", attempts: 2 }),
    at({ status: "processing", attempts: 3, progress: 0.999 }),
    at({ status: "completed", attempts: 3, progress: 1 }),
  ];
  const order = life.map((mark) => mark.split(".").reduce((sum, part) => sum * 1e5 + Number(part), 0));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(life).size).toBe(life.length);
});
