import { ApiError, type EventRejection } from "@millrace/client";
import { cuttingFetch } from "../cutting-fetch.ts";
import type { Claim, Part, Stage } from "../part.ts";
import { type ShopLine, shopLine } from "../shop-log.ts";

const SHOPS = 4;
const EVENTS = 20_000;
const BATCH_EVENTS = 1_000;
const STORED_MS_MAX = 45_000;
const MINUTE_MS = 60_000;
const PAGE_EVENTS = 1_000;
/** Of each shop's connections: one breaks after the events were taken, one in the middle of the request. */
const CUTS = new Map([
  [2, "answer"],
  [4, "request"],
] as const);

/** Logs of several sources over connections that break: everything accepted is stored, once; what is refused is named. */
export const events: Part = {
  name: "events",
  story: `${EVENTS} events from ${SHOPS} shops in batches of ${BATCH_EVENTS}, some of them broken, over connections that break and are tried again`,
  async run(stage) {
    const type = `${stage.run}.order`;
    const startedMs = Date.now();
    const shops = Array.from({ length: SHOPS }, (_, shop) => `${stage.run}-shop-${shop + 1}`);
    const logs = shops.map((shop) =>
      Array.from({ length: EVENTS / SHOPS }, (_, n) => shopLine({ shop, type, nowMs: startedMs }, n)),
    );
    let accepted = 0;
    const sent = await Promise.all(
      logs.map((log) =>
        sendLog(stage, log, (more) => {
          accepted += more;
          stage.board.progress(`accepted ${accepted}`);
        }),
      ),
    );
    const receipt = sent.flatMap(({ receipts }) => receipts).join(",");
    const wait = { timeoutMs: STORED_MS_MAX, signal: stage.signal };
    const { stored } = await stage.client.events.waitStored(receipt, wait);
    const refused = sent.reduce((sum, { rejected }) => sum + rejected.length, 0);
    const cuts = sent.reduce((sum, shop) => sum + shop.cuts, 0);
    stage.board.settled(`accepted ${accepted}  stored ${stored}  refused ${refused}  repeated ${cuts}`);
    const good = logs.flat().filter(({ refusal }) => refusal === undefined);
    const wanted: Wanted = { type, fromMs: startedMs, ids: new Set(good.map(({ id }) => id)), shops };
    const claims = [
      areAccepted({ accepted, stored, cuts }, good.length),
      areNamed(logs, sent),
      await areThereOnce(stage, wanted),
      await areCounted(stage, wanted),
      ...(await isEven(stage, startedMs)),
    ];
    const counts = { completed: stored, dead: refused, running: accepted - stored, retries: cuts };
    return { counts: { ...counts, pending: 0, cancelled: 0 }, claims };
  },
};

interface SentLog {
  readonly receipts: readonly string[];
  /** With their positions in the whole log. */
  readonly rejected: readonly EventRejection[];
  readonly cuts: number;
}

/** Batch after batch. The client sends again what got no answer, under the same Idempotency-Key. */
async function sendLog(
  { clientOver, signal }: Stage,
  log: readonly ShopLine[],
  onAccepted: (events: number) => void,
): Promise<SentLog> {
  const network = cuttingFetch(CUTS);
  const client = clientOver(network.fetch);
  const receipts: string[] = [];
  const rejected: EventRejection[] = [];
  for (let at = 0; at < log.length; at += BATCH_EVENTS) {
    const lines = log.slice(at, at + BATCH_EVENTS).map(({ text }) => text);
    const answer = await client.events.sendLines(lines, { signal });
    if (answer.receipt !== null) receipts.push(answer.receipt);
    for (const rejection of answer.rejected) rejected.push({ ...rejection, index: at + rejection.index });
    onAccepted(answer.accepted);
  }
  return { receipts, rejected, cuts: network.cuts() };
}

function areAccepted(seen: { accepted: number; stored: number; cuts: number }, good: number): Claim {
  const { accepted, stored, cuts } = seen;
  return {
    claim: `all ${good} well-formed events are accepted and stored, although ${SHOPS * CUTS.size} connections broke`,
    holds: accepted === good && stored === good && cuts === SHOPS * CUTS.size,
    seen: `${accepted} accepted, ${stored} stored, ${cuts} connections broke`,
  };
}

function areNamed(logs: readonly (readonly ShopLine[])[], sent: readonly SentLog[]): Claim {
  const told = (index: number, code: string | undefined) => `${index} ${code}`;
  const wanted = logs.map((log) =>
    log.flatMap(({ refusal }, index) => (refusal === undefined ? [] : [told(index, refusal)])),
  );
  const seen = sent.map(({ rejected }) => rejected.map(({ index, code }) => told(index, code)));
  const codes = new Set(sent.flatMap(({ rejected }) => rejected.map(({ code }) => code)));
  const count = wanted.flat().length;
  return {
    claim: `the ${count} broken ones are refused by position and reason, and cost nobody else anything`,
    holds: JSON.stringify(seen) === JSON.stringify(wanted),
    seen: `${seen.flat().length} refused: ${[...codes].sort().join(", ")}`,
  };
}

interface Wanted {
  readonly type: string;
  readonly fromMs: number;
  readonly ids: ReadonlySet<string>;
  readonly shops: readonly string[];
}

async function areThereOnce({ client, signal }: Stage, { type, ids }: Wanted): Promise<Claim> {
  const found = new Map<string, number>();
  // One page more than there should be: twice stored events would be on it.
  let pages = Math.ceil(ids.size / PAGE_EVENTS) + 1;
  for await (const { items } of client.events.pages({ type, limit: PAGE_EVENTS }, { signal })) {
    for (const { id } of items) found.set(id, (found.get(id) ?? 0) + 1);
    pages -= 1;
    if (pages === 0) break;
  }
  const twice = [...found.values()].filter((times) => times > 1).length;
  const strangers = [...found.keys()].filter((id) => !ids.has(id)).length;
  return {
    claim: "a query finds each of them exactly once",
    holds: found.size === ids.size && twice === 0 && strangers === 0,
    seen: `${found.size} found, ${twice} of them twice, ${strangers} that nobody sent`,
  };
}

async function areCounted({ client, signal }: Stage, wanted: Wanted): Promise<Claim> {
  const { type, fromMs, ids, shops } = wanted;
  const span = { from: new Date(fromMs - MINUTE_MS), to: new Date(fromMs + MINUTE_MS) };
  const { buckets } = await client.events.histogram({ ...span, type, by: "source" }, { signal });
  const counts = shops.map((shop) => buckets.reduce((sum, bucket) => sum + (bucket.counts[shop] ?? 0), 0));
  return {
    claim: "the histogram counts as many from each shop",
    holds: counts.every((count) => count === ids.size / SHOPS),
    seen: counts.join(", "),
  };
}

/** Of everybody's events: the one question that only operators may ask. */
async function isEven({ client, signal }: Stage, startedMs: number): Promise<readonly Claim[]> {
  try {
    const ledger = await client.events.ledger({ from: new Date(startedMs) }, { signal });
    const accepted = ledger.minutes.reduce((sum, minute) => sum + minute.accepted, 0);
    const deduplicated = ledger.minutes.reduce((sum, minute) => sum + minute.deduplicated, 0);
    return [
      {
        claim: "the ledger is even: accepted = stored + rejected + deduplicated + in flight",
        holds: ledger.is_even && ledger.lost_messages === 0,
        seen: `${accepted} accepted, ${deduplicated} deduplicated, ${ledger.lost_messages} batches lost`,
      },
    ];
  } catch (error) {
    if (error instanceof ApiError && error.code === "FORBIDDEN") return [];
    throw error;
  }
}
