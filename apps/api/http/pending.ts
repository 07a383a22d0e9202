import { t } from "elysia";

/** In answers to orders. */
export const pending = t.Array(t.String(), {
  description:
    "Workers (and api processes) that live and have not said within a second that they go by the order. They read it by themselves, within half a minute. Empty: it is in effect everywhere.",
});
