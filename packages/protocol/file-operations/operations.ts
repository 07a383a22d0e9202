import type { FieldProblem, Json } from "@millrace/core";
import { THUMBNAIL_SIDE_PIXELS_MAX, WORDS_LISTED_MAX } from "@millrace/core/limits";
import { checkOptions, defaultOf, type OptionRules, type OptionsOf } from "./option-rules.ts";

/** What can be done with a file. The worker has one module of the same name for each. */
export interface FileOperation<Rules extends OptionRules = OptionRules> {
  /** For people, in the API's list. */
  readonly description: string;
  readonly options: Rules;
  /** What is wrong with the options given at upload; empty when nothing is. */
  check(options: Json | undefined): readonly FieldProblem[];
}

function operation<const Rules extends OptionRules>(
  description: string,
  options: Rules,
): FileOperation<Rules> {
  return { description, options, check: (given) => checkOptions(options, given) };
}

export const FILE_OPERATIONS = {
  uppercase: operation(
    "UTF-8 text in upper case, by the Unicode rules that hold in every language. Anything else than UTF-8 is refused.",
    {},
  ),
  "text-stats": operation(
    "Lines, words, characters and bytes of UTF-8 text, and its most frequent words. A word is a run of letters, digits and marks, with apostrophes and hyphens inside.",
    {
      top: {
        kind: "integer",
        min: 1,
        max: WORDS_LISTED_MAX,
        default: 20,
        description: "How many of the most frequent words are listed.",
      },
      ignore_case: { kind: "boolean", default: true, description: "Whether The and the are one word." },
    },
  ),
  "csv-profile": operation(
    "The columns of a CSV table: type, empty values, distinct values, least, greatest and mean. A record that breaks the rules of CSV is refused with its line.",
    {
      encoding: {
        kind: "choice",
        values: ["auto", "utf-8", "utf-16le", "utf-16be", "latin1"],
        default: "auto",
        description:
          "auto: by the byte order mark, else UTF-8. latin1 is read as windows-1252, its superset.",
      },
      delimiter: {
        kind: "choice",
        values: ["auto", ",", ";", "\t", "|"],
        default: "auto",
        description: "auto: the one that parts the first records most evenly.",
      },
      header: { kind: "boolean", default: true, description: "Whether the first record names the columns." },
      ragged: {
        kind: "boolean",
        default: false,
        description:
          "Whether records may have fewer fields (the rest is empty) or more (they are not looked at).",
      },
    },
  ),
  checksum: operation("Checksums of the file, in hexadecimal.", {
    algorithms: {
      kind: "subset",
      values: ["sha256", "sha512", "crc32"],
      description: "Which ones.",
    },
  }),
  gzip: operation("The file, compressed with gzip. The same bytes and level give the same result.", {
    level: {
      kind: "integer",
      min: 1,
      max: 9,
      default: 6,
      description: "1 is the fastest, 9 the smallest.",
    },
  }),
  thumbnail: operation(
    "A small picture of a JPEG, PNG, WebP or GIF image (its first frame), upright as its EXIF data say, without metadata.",
    {
      width: {
        kind: "integer",
        min: 1,
        max: THUMBNAIL_SIDE_PIXELS_MAX,
        default: 256,
        description: "Pixels. Images are never enlarged.",
      },
      height: {
        kind: "integer",
        min: 1,
        max: THUMBNAIL_SIDE_PIXELS_MAX,
        default: 256,
        description: "Pixels.",
      },
      fit: {
        kind: "choice",
        values: ["inside", "cover"],
        default: "inside",
        description:
          "inside: all of the image, as large as fits. cover: fills width × height, and cuts what stands over.",
      },
      format: {
        kind: "choice",
        values: ["auto", "jpeg", "png", "webp"],
        default: "auto",
        description: "auto: png for images with transparency, else jpeg.",
      },
      quality: { kind: "integer", min: 1, max: 100, default: 80, description: "Of jpeg and webp." },
    },
  ),
} as const satisfies Readonly<Record<string, FileOperation>>;

export type FileOperationName = keyof typeof FILE_OPERATIONS;

/** The options of an operation as its module gets them: checked, defaults filled in. */
export type FileOptions<Name extends FileOperationName> = OptionsOf<
  (typeof FILE_OPERATIONS)[Name]["options"]
>;

export const FILE_OPERATION_NAMES: readonly FileOperationName[] =
  Object.keys(FILE_OPERATIONS).filter(isFileOperationName);

export function isFileOperationName(name: string): name is FileOperationName {
  return Object.hasOwn(FILE_OPERATIONS, name);
}

/** The list that `GET /api/files/operations` answers. */
export function describeFileOperations(): Json {
  return FILE_OPERATION_NAMES.map((name) => {
    const { description, options } = FILE_OPERATIONS[name];
    return {
      operation: name,
      description,
      options: Object.entries<OptionRules[string]>(options).map(([option, rule]) => ({
        option,
        ...rule,
        default: defaultOf(rule),
      })),
    };
  });
}
