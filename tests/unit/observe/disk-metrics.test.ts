import { expect, test } from "bun:test";
import { createMetrics, diskSpaceOf, registerDiskMetrics } from "@millrace/observe";

test("the disk of a folder has a size, and less is available", () => {
  const space = diskSpaceOf("/");
  expect(space?.sizeBytes).toBeGreaterThan(0);
  expect(space?.availableBytes).toBeLessThanOrEqual(space?.sizeBytes ?? 0);
});

test("a folder that is not there has no disk, and its gauges stay at 0 without breaking the scrape", async () => {
  expect(diskSpaceOf("/no/such/folder")).toBeUndefined();
  const metrics = createMetrics({ service: "api" });
  registerDiskMetrics(metrics, "/no/such/folder");
  expect(await metrics.render()).toContain('millrace_disk_size_bytes{service="api"} 0');
});
