import { expect, test } from "bun:test";
import { Ordinals } from "@millrace/bus/ordinals";

function numbering() {
  let names = 0;
  return new Ordinals(() => `i${++names}`);
}

test("numbers follow each other, and add up the events before them", () => {
  const ordinals = numbering();
  expect([3, 4, 5].map((events) => ordinals.draw(events))).toEqual([
    { instance: "i1", ordinal: 1, before: 0, voided: [] },
    { instance: "i1", ordinal: 2, before: 3, voided: [] },
    { instance: "i1", ordinal: 3, before: 7, voided: [] },
  ]);
});

test("a number that was given up is told until a message that tells it has arrived", () => {
  const ordinals = numbering();
  const [lost, second] = [ordinals.draw(1), ordinals.draw(1)];
  ordinals.giveUp(lost);
  ordinals.told(second); // It was drawn before, and told nothing.
  const third = ordinals.draw(1);
  expect(third.voided).toEqual([1]);
  ordinals.giveUp(third);
  const fourth = ordinals.draw(1);
  expect(fourth.voided).toEqual([1, 3]);
  ordinals.told(fourth);
  expect(ordinals.draw(1).voided).toEqual([]);
});

test("when too many were given up the numbering starts again under another name, between messages", () => {
  const ordinals = numbering();
  const open = ordinals.draw(1);
  for (let n = 0; n <= 1_000; n++) {
    const ticket = ordinals.draw(1);
    ordinals.giveUp(ticket);
    ordinals.settle(ticket);
  }
  const late = ordinals.draw(1);
  expect(late.instance).toBe("i1");
  ordinals.settle(late);
  ordinals.settle(open);
  expect(ordinals.draw(1)).toEqual({ instance: "i2", ordinal: 1, before: 0, voided: [] });
});
