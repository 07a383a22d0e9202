import { expect, test } from "bun:test";
import { findMemoryFolder, type Machine } from "@millrace/stack/memory-folder";

const GIB = 1024 ** 3;
const LARGE: Machine = {
  mounts: "/dev/vda / ext4 rw,relatime 0 0\ntmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n",
  freeBytes: () => 10 * GIB,
  memoryBytes: 20 * GIB,
};

test("a folder in memory with much room is found", () => {
  expect(findMemoryFolder(LARGE)).toBe("/dev/shm");
});

test.each([
  ["there is none", { mounts: "/dev/vda / ext4 rw 0 0\n" }],
  ["there are no mounts to look at", { mounts: "" }],
  ["it is a disk", { mounts: "/dev/vdb /dev/shm ext4 rw 0 0\n" }],
  ["it may not be written", { mounts: "tmpfs /dev/shm tmpfs ro 0 0\n" }],
  ["nothing may be started from it", { mounts: "tmpfs /dev/shm tmpfs rw,noexec 0 0\n" }],
  ["something else was mounted over it", { mounts: `${LARGE.mounts}overlay /dev/shm overlay rw 0 0\n` }],
  ["it is as small as in a container", { freeBytes: () => 64 * 1024 * 1024 }],
  ["memory is scarce", { memoryBytes: 8 * GIB }],
] satisfies [string, Partial<Machine>][])("none is found when %s", (_why, other) => {
  expect(findMemoryFolder({ ...LARGE, ...other })).toBeUndefined();
});

test("this machine can be asked", () => {
  expect([undefined, "/dev/shm"]).toContain(findMemoryFolder());
});
