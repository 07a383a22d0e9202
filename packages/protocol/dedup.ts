/** Under which key a task was submitted, as it is written in JSON and kept with the task. What it means: core/dedup.ts. */
export type DedupWords =
  | {
      readonly kind: "dedup";
      readonly key: string;
      /** Null: until the task is finished. */
      readonly window_s: number | null;
    }
  | {
      readonly kind: "debounce";
      readonly key: string;
      readonly seconds: number;
      readonly max_wait_s: number;
    };
