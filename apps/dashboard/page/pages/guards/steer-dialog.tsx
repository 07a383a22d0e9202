import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../parts/dialog.tsx";
import { wordsOf } from "../../state/notices.ts";

/** The API takes no longer ones. */
const REASON_CHARS_MAX = 200;

interface SteerDialogProps {
  readonly title: string;
  /** What the button says. */
  readonly deed: string;
  /** What it does. */
  readonly children: ComponentChildren;
  /** What it is about, when that is to be asked. */
  readonly subject?: { readonly label: string; readonly placeholder: string };
  /** Rejects when it was refused; the dialog stays and says why. */
  readonly onSteer: (order: { readonly subject: string; readonly reason: string }) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for a reason: whoever finds it at night was often not told. */
export function SteerDialog({ title, deed, children, subject, onSteer, onClose }: SteerDialogProps) {
  const [mistake, setMistake] = useState("");
  const steer = async (form: HTMLFormElement) => {
    const fields = new FormData(form);
    const text = (name: string) => String(fields.get(name) ?? "").trim();
    try {
      await onSteer({ subject: text("subject"), reason: text("reason") });
      onClose();
    } catch (error) {
      setMistake(wordsOf(error));
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void steer(event.currentTarget);
        }}
      >
        <p>{children}</p>
        {subject !== undefined && (
          <label>
            {subject.label}
            <input name="subject" class="mono" required placeholder={subject.placeholder} />
          </label>
        )}
        <label>
          Reason, for whoever looks next
          <input name="reason" maxLength={REASON_CHARS_MAX} />
        </label>
        {mistake !== "" && (
          <p class="mistake" role="alert">
            {mistake}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="main">
            {deed}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
