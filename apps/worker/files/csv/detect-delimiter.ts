import { CsvReader } from "./csv-reader.ts";

const DELIMITERS = [",", ";", "\t", "|"] as const;
const RECORDS_MAX = 200;
const SAMPLE_BYTES_MAX = 64 * 1024;

class Enough extends Error {}

/**
 * The delimiter that parts the first records into the same number of fields (at least two) most often; among equals the
 * one that makes more of them; a comma when none parts anything.
 * @param isWhole whether nothing comes after the sample: then its last record counts too.
 */
export async function detectDelimiter(sample: Uint8Array, isWhole: boolean): Promise<string> {
  let best = { delimiter: ",", share: 0, fields: 1 };
  for (const delimiter of DELIMITERS) {
    const isAll = isWhole && sample.length <= SAMPLE_BYTES_MAX;
    const lengths = await recordLengths(sample.subarray(0, SAMPLE_BYTES_MAX), delimiter, isAll);
    const { share, fields } = mostCommon(lengths);
    if (fields < 2) continue;
    if (share > best.share || (share === best.share && fields > best.fields))
      best = { delimiter, share, fields };
  }
  return best.delimiter;
}

async function recordLengths(
  sample: Uint8Array,
  delimiter: string,
  isAll: boolean,
): Promise<readonly number[]> {
  const lengths: number[] = [];
  const reader = new CsvReader({
    delimiter,
    isRagged: true,
    onRecord: (fields) => {
      lengths.push(fields.length);
      if (lengths.length >= RECORDS_MAX) throw new Enough();
    },
  });
  try {
    await reader.write(sample);
    if (isAll) await reader.end();
  } catch {
    // Enough was seen, or it is broken with this delimiter: then what came before counts. The real reading will tell.
  } finally {
    reader.abandon();
  }
  return lengths;
}

function mostCommon(lengths: readonly number[]): { share: number; fields: number } {
  const counts = new Map<number, number>();
  for (const length of lengths) counts.set(length, (counts.get(length) ?? 0) + 1);
  let fields = 0;
  let most = 0;
  for (const [length, count] of counts) if (count > most) [fields, most] = [length, count];
  return { share: lengths.length === 0 ? 0 : most / lengths.length, fields };
}
