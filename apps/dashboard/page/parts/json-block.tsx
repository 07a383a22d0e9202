import { say } from "../state/notices.ts";

interface JsonBlockProps {
  readonly value: unknown;
  readonly label: string;
}

export function JsonBlock({ value, label }: JsonBlockProps) {
  const text = JSON.stringify(value, null, 2) ?? "";
  return (
    <pre class="json" tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}

interface CopyProps {
  readonly text: string;
  readonly what: string;
}

export function Copy({ text, what }: CopyProps) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("done", `Copied ${what}.`);
    } catch {
      say("failed", "The browser does not allow copying here; select the text instead.");
    }
  };
  return (
    <button type="button" class="plain" onClick={() => void copy()} aria-label={`Copy ${what}`}>
      Copy
    </button>
  );
}
