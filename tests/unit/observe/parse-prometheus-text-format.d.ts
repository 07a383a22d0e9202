declare module "parse-prometheus-text-format" {
  /** The metric families of an exposition text; throws when it is malformed. */
  export default function parse(text: string): readonly {
    readonly name: string;
    readonly metrics: readonly {
      readonly value?: string;
      readonly labels?: Readonly<Record<string, string>>;
    }[];
  }[];
}
