import { expect, test } from "bun:test";
import { constants, zstdCompressSync } from "node:zlib";
import { requireWholeZstd } from "@millrace/api/events/zstd-frames";
import fc from "fast-check";

const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

test("whole frames pass, cut ones do not, wherever they are cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), fc.nat(), (bytes, hasChecksum, cut) => {
      const params = { [constants.ZSTD_c_checksumFlag]: hasChecksum ? 1 : 0 };
      const frame = zstdCompressSync(bytes, { params });
      for (const whole of [frame, Buffer.concat([frame, skippable, frame])]) {
        expect(() => requireWholeZstd(whole)).not.toThrow();
        const end = cut % whole.length;
        const isBoundary = end > 0 && (end === frame.length || end === frame.length + skippable.length);
        if (!isBoundary)
          expect(() => requireWholeZstd(whole.subarray(0, end))).toThrow(
            expect.objectContaining({ code: "BAD_REQUEST" }),
          );
      }
    }),
    { numRuns: 500 },
  );
});

test("any bytes are judged without anything but a Fault", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        requireWholeZstd(Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), bytes]));
      } catch (error) {
        expect(error).toMatchObject({ code: "BAD_REQUEST" });
      }
    }),
    { numRuns: 5_000 },
  );
});
