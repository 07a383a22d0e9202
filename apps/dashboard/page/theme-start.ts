/** Runs before anything is drawn: whoever chose a theme must not be shown the other one first. */
const chosen = localStorage.getItem("millrace.theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
