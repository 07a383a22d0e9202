import { expect, test } from "bun:test";
import { RouteTable } from "@millrace/api/http/route-table";

const table = new RouteTable([
  { method: "GET", path: "/" },
  { method: "GET", path: "/api/tasks" },
  { method: "POST", path: "/api/tasks" },
  { method: "DELETE", path: "/api/tasks/:task_id" },
  { method: "GET", path: "/assets/*" },
  { method: "POST", path: "/_bulk" },
]);

test.each([
  ["/", ["GET", "HEAD", "OPTIONS"]],
  ["/api/tasks", ["GET", "HEAD", "OPTIONS", "POST"]],
  ["/api/tasks/", ["GET", "HEAD", "OPTIONS", "POST"]],
  ["/api/tasks/a.b", ["DELETE", "OPTIONS"]],
  ["/assets/a/b.css", ["GET", "HEAD", "OPTIONS"]],
  ["/_bulk", ["OPTIONS", "POST"]],
])("%s knows %p", (path, methods) => {
  expect(table.methodsOf(path)).toEqual(methods);
});

test.each(["/api", "/api/tasks/a/b", "/api/tasksx", "/apixtasks", "/API/tasks", "//"])(
  "%s knows nothing",
  (path) => {
    expect(table.methodsOf(path)).toEqual([]);
  },
);
