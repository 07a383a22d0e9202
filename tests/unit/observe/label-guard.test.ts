import { expect, test } from "bun:test";
import { LabelGuard, OTHER } from "@millrace/observe/label-guard";

test("values within the bound stay, later ones become other, known ones stay known", () => {
  const guard = new LabelGuard(2);
  const types = ["a", "b", "c", "a", "d"].map((type) => guard.bound({ type }).type);
  expect(types).toEqual(["a", "b", OTHER, "a", OTHER]);
});

test("each label has a bound of its own", () => {
  const guard = new LabelGuard(1);
  expect(guard.bound({ one: "a", two: "b" })).toEqual({ one: "a", two: "b" });
  expect(guard.bound({ one: "b", two: "b" })).toEqual({ one: OTHER, two: "b" });
});

test("the caller's labels are not changed", () => {
  const labels = { type: "b" };
  const guard = new LabelGuard(0);
  guard.bound(labels);
  expect(labels).toEqual({ type: "b" });
});
