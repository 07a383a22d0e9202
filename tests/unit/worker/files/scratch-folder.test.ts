import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ScratchFolder } from "@millrace/worker/files/scratch-folder";
import { scratch } from "../../../support/scratch.ts";

const newRoot = async () => join((await scratch()).folder("scratch"), "below", "it");

test("no two paths are the same, and none is there yet", async () => {
  const folder = await ScratchFolder.open(await newRoot());
  const paths = Array.from({ length: 100 }, () => folder.newPath());
  expect(new Set(paths).size).toBe(100);
  expect(paths.some((path) => existsSync(path))).toBe(false);
  await folder.close();
});

test("closing removes all that lies in it", async () => {
  const root = await newRoot();
  const folder = await ScratchFolder.open(root);
  await writeFile(folder.newPath(), "left");
  await folder.close();
  expect(await readdir(root)).toEqual([]);
});

test("what a killed process left is removed, and what a living one has is not", async () => {
  const root = await newRoot();
  await mkdir(join(root, "dead"), { recursive: true });
  await writeFile(join(root, "dead", "1"), "left");
  await writeFile(join(root, "dead.lock"), "");
  const living = await ScratchFolder.open(root);
  const path = living.newPath();
  await writeFile(path, "needed");

  const next = await ScratchFolder.open(root);
  expect(existsSync(join(root, "dead"))).toBe(false);
  expect(existsSync(path)).toBe(true);
  await Promise.all([living.close(), next.close()]);
  expect(await readdir(root)).toEqual([]);
});

test("ten that start at once get ten folders", async () => {
  const root = await newRoot();
  const folders = await Promise.all(Array.from({ length: 10 }, () => ScratchFolder.open(root)));
  const paths = folders.map((folder) => folder.newPath());
  await Promise.all(paths.map((path) => writeFile(path, "mine")));
  expect(paths.every((path) => existsSync(path))).toBe(true);
  await Promise.all(folders.map((folder) => folder.close()));
});
