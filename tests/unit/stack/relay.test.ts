import { expect, test } from "bun:test";
import { isLauncher } from "@millrace/stack/relay";

test.each([
  "npm exec bun@1.4.5 start",
  "npm run start",
  "sh -c 'bun' start",
  "sh -c bun packages/stack/bootstrap.ts start",
  "/bin/sh -c bun start",
  "bun start",
  "bun run test",
  "/srv/cache/npm/_npx/86/node_modules/bun/bin/bun.exe run start",
  "node /usr/bin/npx -y bun@1.4.5 start",
])("%p stands between a person and the stack", (command) => {
  expect(isLauncher(command)).toBe(true);
});

test.each([
  "bash",
  "-bash",
  "/bin/bash -l",
  "bash run-bun.sh",
  "tmux",
  "sshd: me@pts/0",
  "python3 -m pytest",
  "bun --watch x.ts",
  "",
])("%p does not", (command) => {
  expect(isLauncher(command)).toBe(false);
});
