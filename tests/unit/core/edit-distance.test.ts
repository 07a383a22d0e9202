import { expect, test } from "bun:test";
import { editDistance, likeliestWord } from "@millrace/core/edit-distance";

test.each([
  ["kitten", "sitting", 3],
  ["API_PROT", "API_PORT", 1],
  ["", "abc", 3],
  ["same", "same", 0],
])("from %p to %p it takes %i changes", (from, to, changes) => {
  expect(editDistance(from, to)).toBe(changes);
  expect(editDistance(to, from)).toBe(changes);
});

const WORDS = ["ls", "limits", "ledger", "submit", "schedules", "queues", "retry"];

test.each([
  ["schedule", "schedules"],
  ["sumbit", "submit"],
  ["led", "ledger"],
  ["lst", "ls"],
  ["reetry", "retry"],
])("%p was probably meant to be %p", (given, meant) => {
  expect(likeliestWord(given, WORDS)).toBe(meant);
});

test.each(["", "l", "x", "deploy", "qqueueess"])("%p is like none of them, or like several", (given) => {
  expect(likeliestWord(given, WORDS)).toBeUndefined();
});
