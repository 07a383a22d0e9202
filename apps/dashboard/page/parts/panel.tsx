import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface PanelProps {
  readonly title: string;
  readonly about?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
  /** False: the content brings its own margins. */
  readonly isPadded?: boolean;
}

export function Panel({ title, about, children, class: className = "", isPadded = true }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${className}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {about}
      </header>
      {isPadded ? <div class="body">{children}</div> : children}
    </section>
  );
}

interface PageProps {
  readonly title: string;
  readonly about?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page({ title, about, actions, children }: PageProps) {
  return (
    <>
      <header>
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {about !== undefined && <p>{about}</p>}
        </div>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

interface ScrollProps {
  readonly label: string;
  readonly children: ComponentChildren;
}

/** What may be wider than its place: it scrolls by itself, also by keyboard. */
export function Scroll({ label, children }: ScrollProps) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
