import { VirtualClock } from "@thulium-stream/kit";
import { createSandbox } from "@thulium-stream/sandbox";
import { Desk, sourceOver, withExtractor } from "./desk.ts";

const startMs = Date.parse("2026-11-24T09:00:20.000Z");
/** What the desk takes and does not tell. */
const limit = 10;
/** What the client would send at most. */
const ceiling = 50;
const learning = 20;
const counted = 1_000;

/** E6: an extractor that lists everything from a desk whose limit it does not know; refusals until it is found, and what comes after. */
export async function limits(tickets = 15_000): Promise<string> {
  const lines = [
    `| ${limit} requests a second allowed, ${ceiling} set; bar: after at most ${learning} refusals ≤ 1 % refused in ${counted} answers, ≥ 95 % of the limit used | refused while learning | refused in the next ${counted} | of the limit used |`,
    "| --- | --- | --- | --- |",
  ];
  for (const status of ["429", "503"])
    for (const retryAfter of ["seconds", "date", "off"]) {
      // A 503 that does not say how long is an outage like any other.
      if (status === "503" && retryAfter === "off") continue;
      const answers = await listing(tickets, status, retryAfter);
      lines.push(`| ${status}, Retry-After ${words[retryAfter]} | ${cellsOf(answers)} |`);
    }
  return lines.join("\n");
}

const words: Readonly<Record<string, string>> = {
  seconds: "in seconds",
  date: "as a date",
  off: "missing",
};

/** One answer: when it came, and whether it was a refusal. */
interface Answer {
  readonly atMs: number;
  readonly refused: boolean;
}

async function listing(tickets: number, status: string, retryAfter: string): Promise<Answer[]> {
  const clock = new VirtualClock(startMs);
  const switches = { rate_limit: String(limit), retry_after: retryAfter, limit_status: status };
  const sandbox = createSandbox({ tickets, startMs, standStill: true, switches });
  const desk = new Desk(sandbox, clock, 100);
  const answers: Answer[] = [];
  const source = sourceOver(clock, async (path) => {
    const { text, ...head } = await desk.get(path);
    answers.push({ atMs: clock.now(), refused: head.status !== 200 });
    return { ...head, body: Buffer.from(text) };
  });
  const options = { requestsPerSecond: ceiling, pageSize: 10 };
  await withExtractor(source, clock, options, (extractor) =>
    extractor.catchUp(new AbortController().signal),
  );
  return answers;
}

/** The learning phase ends with the refusal, the twentieth at the latest, after which most of the limit is used. */
function cellsOf(answers: readonly Answer[]): string {
  const refusals = answers.flatMap(({ refused }, at) => (refused ? [at] : []));
  const after = (learnt: number) => {
    const from = learnt === 0 ? 0 : (refusals[learnt - 1] ?? answers.length) + 1;
    const next = answers.slice(from, from + counted);
    const seconds = ((next.at(-1)?.atMs ?? 0) - (next[0]?.atMs ?? 0)) / 1000;
    const refused = next.filter((answer) => answer.refused).length;
    return { learnt, next, refused, used: (next.length - refused) / seconds / limit };
  };
  const best = Array.from({ length: learning + 1 }, (_, learnt) => after(learnt))
    .filter(({ next }) => next.length === counted)
    .reduce((most, one) => (one.used > most.used ? one : most));
  return `${best.learnt} | ${((best.refused / counted) * 100).toFixed(1)} % | ${(best.used * 100).toFixed(1)} %`;
}
