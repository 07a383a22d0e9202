import { signal } from "@preact/signals";

const STORED = "millrace.theme";
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

function current(): "light" | "dark" {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemIsDark.matches ? "dark" : "light";
}

export const theme = signal(current());
systemIsDark.addEventListener("change", () => {
  theme.value = current();
});

export function toggleTheme(): void {
  const next = theme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(STORED, next);
  theme.value = next;
}
