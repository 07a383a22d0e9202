import { expect, test } from "bun:test";
import { findUser, postgresUser } from "@millrace/stack/postgres/postgres-user";

const NOBODY = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin";

test("an ordinary user runs PostgreSQL as himself", () => {
  expect(postgresUser(1000, "/nowhere")).toBeUndefined();
});

test("root hands it to postgres, else to nobody", () => {
  expect(findUser(`root:x:0:0::/root:/bin/sh\n${NOBODY}\npostgres:x:101:104::/var:/bin/sh\n`)).toEqual({
    uid: 101,
    gid: 104,
  });
  expect(findUser(`root:x:0:0::/root:/bin/sh\n${NOBODY}`)).toEqual({ uid: 65534, gid: 65534 });
});

test("a user who is root under another name does not count, nor does a broken line", () => {
  expect(findUser("postgres:x:0:0::/root:/bin/sh\nnobody:x\n")).toBeUndefined();
  expect(findUser("")).toBeUndefined();
});
