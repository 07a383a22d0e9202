import type { ComponentChildren, TargetedMouseEvent } from "preact";
import { navigate } from "../state/location.ts";

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly isCurrent?: boolean;
  readonly label?: string;
}

/** A real link: with a modifier, or the middle button, the browser does what it always does. */
export function Link({ to, children, class: className, isCurrent = false, label }: LinkProps) {
  const follow = (event: TargetedMouseEvent<HTMLAnchorElement>) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a
      href={to}
      class={className}
      onClick={follow}
      aria-label={label}
      aria-current={isCurrent ? "page" : undefined}
    >
      {children}
    </a>
  );
}
