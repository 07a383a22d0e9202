import { expect, test } from "bun:test";
import { elementsOf, encode, textOf } from "@millrace/blobs/s3/xml";

test("elements by their names, in order, over several lines", () => {
  const xml = "<L>\n<C><K>a</K></C>\n<C>\n<K>b</K>\n</C></L>";
  expect(elementsOf(xml, "C").map((content) => textOf(content, "K"))).toEqual(["a", "b"]);
  expect(textOf(xml, "Missing")).toBeUndefined();
});

test.each([
  ["&quot;abc-2&quot;", '"abc-2"'],
  ["&#34;x&#x22;", '"x"'],
  ["&lt;&gt;&apos;&amp;lt;", "<>'&lt;"],
  ["&unknown; &#x110000; &#99999999999;", "&unknown; &#x110000; &#99999999999;"],
])("%s is %s", (written, text) => {
  expect(textOf(`<E>${written}</E>`, "E")).toBe(text);
});

test("what is encoded is read back the same", () => {
  const text = `"a" <b> & 'c'`;
  expect(textOf(`<E>${encode(text)}</E>`, "E")).toBe(text);
  expect(encode(text)).not.toMatch(/[<>"']/);
});
