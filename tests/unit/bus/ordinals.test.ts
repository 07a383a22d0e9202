import { describe, expect, test } from "bun:test";
import { Ordinals } from "@millrace/bus/ordinals";

function numbering() {
  let names = 0;
  return new Ordinals(() => `i${++names}`);
}

test("numbers follow each other, and add up the events before them", () => {
  const ordinals = numbering();
  expect([3, 4, 5].map((events) => ordinals.draw(events))).toEqual([
    { instance: "i1", ordinal: 1, events: 3, before: 0, voided: [] },
    { instance: "i1", ordinal: 2, events: 4, before: 3, voided: [] },
    { instance: "i1", ordinal: 3, events: 5, before: 7, voided: [] },
  ]);
});

test("a number that was given up is told until a message that tells it has arrived", () => {
  const ordinals = numbering();
  const [lost, second] = [ordinals.draw(1), ordinals.draw(1)];
  ordinals.giveUp(lost);
  ordinals.told(second); // It was drawn before, and told nothing.
  const third = ordinals.draw(1);
  expect(third.voided).toEqual([{ ordinal: 1, events: 1 }]);
  ordinals.giveUp(third);
  const fourth = ordinals.draw(1);
  expect(fourth.voided).toEqual([1, 3].map((ordinal) => ({ ordinal, events: 1 })));
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
  expect(ordinals.draw(1)).toEqual({ instance: "i2", ordinal: 1, events: 1, before: 0, voided: [] });
  const [ended] = ordinals.marks();
  expect(ended).toMatchObject({ instance: "i1", ordinal: 1_003, events: 1_003 });
  expect(ended?.voided).toHaveLength(1_001);
});

describe("a mark", () => {
  test("says how far all messages have ended, and nothing when it was told", () => {
    const ordinals = numbering();
    expect(ordinals.marks()).toEqual([]);
    const [first, second, third] = [ordinals.draw(3), ordinals.draw(4), ordinals.draw(5)];
    expect(ordinals.marks()).toEqual([]);
    ordinals.settle(second);
    ordinals.settle(first);
    const marks = ordinals.marks();
    expect(marks).toEqual([{ instance: "i1", ordinal: 2, events: 7, voided: [] }]);
    expect(ordinals.marks()).toEqual(marks); // Until it is told.
    ordinals.settle(third);
    ordinals.marksTold(marks);
    const later = ordinals.marks();
    expect(later).toEqual([{ instance: "i1", ordinal: 3, events: 12, voided: [] }]);
    ordinals.marksTold(later);
    expect(ordinals.marks()).toEqual([]);
  });

  test("tells each number that was given up once, also one that came while it was told", () => {
    const ordinals = numbering();
    const giveUp = (events: number): void => {
      const ticket = ordinals.draw(events);
      ordinals.giveUp(ticket);
      ordinals.settle(ticket);
    };
    giveUp(3);
    const marks = ordinals.marks();
    giveUp(4);
    ordinals.marksTold(marks);
    expect(marks).toEqual([{ instance: "i1", ordinal: 1, events: 3, voided: [{ ordinal: 1, events: 3 }] }]);
    expect(ordinals.marks()).toEqual([
      { instance: "i1", ordinal: 2, events: 7, voided: [{ ordinal: 2, events: 4 }] },
    ]);
  });

  test("of a former name is told, too, and those beyond the bound are forgotten, oldest first", () => {
    const ordinals = numbering();
    for (let n = 0; n < 20 * 1_001 + 1; n++) {
      const ticket = ordinals.draw(1);
      ordinals.giveUp(ticket);
      ordinals.settle(ticket);
    }
    const marks = ordinals.marks();
    expect(marks.map(({ instance }) => instance)).toEqual(Array.from({ length: 17 }, (_, n) => `i${n + 5}`));
    ordinals.marksTold(marks);
    expect(ordinals.marks()).toEqual([]);
  });
});
