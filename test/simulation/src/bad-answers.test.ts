import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DeadLetter,
  decodeJson,
  silentLogger,
  type TicketState,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { holding, VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd, newId } from "@thulium-stream/runtime";
import { basicAuthorisation, createSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource } from "@thulium-stream/thulium-api";
import { expect, it } from "vitest";

type Row = Record<string, unknown>;
interface Envelope {
  count: number;
  result: Row[];
}
/** What becomes of an answer that shows the victim: another envelope, another text, or more bytes than anybody wants. */
type Spoil = (answer: Envelope, victim: Row) => unknown;

const startMs = Date.parse("2026-11-24T09:00:00.000Z");
const authorization = basicAuthorisation("sandbox", "sandbox");

/** Everything is read once from a source whose every answer with one certain ticket in it is spoilt. */
async function readSpoilt(spoil: Spoil) {
  const folder = mkdtempSync(join(tmpdir(), "bad-answers-"));
  const clock = new VirtualClock(startMs);
  const sandbox = createSandbox({ tickets: 60, startMs, standStill: true });
  const ids = [...sandbox.truth().rows()].map((row) => String(row["ticket_id"]));
  const victim = ids[25] ?? "";
  const log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
  const source = createThuliumSource({
    url: "http://sandbox",
    system: "sim",
    user: "sandbox",
    password: "sandbox",
    zone: "Europe/Warsaw",
    clock,
    logger: silentLogger,
    exchange: {
      get: async (path) => {
        const { status, headers, body } = sandbox.handle("GET", path, { authorization });
        const text = typeof body === "string" ? body : [...body].join("");
        return { status, headers, body: spoilt(text, victim, spoil) };
      },
      close: async () => {},
    },
  });
  const index = TicketIndex.open(join(folder, "index"), "sim", { closedStatuses: [] });
  const deps = {
    source,
    log: holding(log, clock),
    index,
    clock,
    logger: silentLogger,
    random: () => 0.5,
    newId,
  };
  const extractor = await Extractor.open(deps, { system: "sim", zone: "Europe/Warsaw" });
  try {
    const { holes } = await extractor.catchUp(new AbortController().signal);
    const held = new Map<string, TicketState>();
    for await (const { records } of batchesToEnd(log, "tickets"))
      for (const record of records) {
        const state = decodeJson(record) as TicketState;
        held.set(state.ticket_id, state);
      }
    const letters: DeadLetter[] = [];
    for await (const { records } of batchesToEnd(log, "dead-letters"))
      letters.push(...records.map((record) => decodeJson(record) as DeadLetter));
    const missing = ids.filter((id) => !held.has(id));
    return { holes, letters, missing, victim, state: held.get(victim) };
  } finally {
    await extractor.close();
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function* spoilt(text: string, victim: string, spoil: Spoil): AsyncGenerator<Buffer> {
  const answer = JSON.parse(text) as Partial<Envelope>;
  const row = answer.result?.find((shown) => String(shown["ticket_id"]) === victim);
  const made = row === undefined ? text : spoil(answer as Envelope, row);
  if (typeof made === "number") {
    const megabyte = Buffer.alloc(1_000_000, "x");
    for (let sent = 0; sent < made; sent += 1) yield megabyte;
  } else yield Buffer.from(typeof made === "string" ? made : JSON.stringify(made));
}

it.each<[name: string, reason: string, spoil: Spoil]>([
  [
    "a row outside the bounds",
    "InvalidResponse",
    (answer, victim) => ({
      ...answer,
      result: [
        ...answer.result,
        {
          ...victim,
          ticket_id: "1",
          created_at: "2031-01-01 00:00",
          updated_at: "1999-01-01 00:00",
        },
      ],
    }),
  ],
  ["HTML", "InvalidResponse", () => "<html>Zaloguj się</html>"],
  ["result: null", "InvalidResponse", () => ({ count: 0, result: null })],
  ["a bare list", "InvalidResponse", (answer) => answer.result],
  ["cut JSON", "InvalidResponse", (answer) => JSON.stringify(answer).slice(0, -7)],
  ["a body of 200 MB", "TooLarge", () => 200],
  ["a negative count", "InvalidResponse", (answer) => ({ ...answer, count: -3 })],
  [
    "a ticket twice, in two versions",
    "InvalidResponse",
    (answer, victim) => ({
      ...answer,
      result: [...answer.result, { ...victim, subject: "otherwise" }],
    }),
  ],
])(
  "%s for one ticket: a hole of that ticket with a dead letter, everything else is read",
  async (_name, reason, spoil) => {
    const { holes, letters, missing, victim } = await readSpoilt(spoil);
    expect({ holes, missing }).toEqual({ holes: 1, missing: [victim] });
    expect(letters.map((letter) => [letter.stage, letter.reason])).toContainEqual([
      "source-page",
      reason,
    ]);
  },
);

it.each<[name: string, spoil: (victim: Row) => void]>([
  ["an id that is no number", (victim) => Object.assign(victim, { ticket_id: { id: 7 } })],
  ["messages that are no list", (victim) => Object.assign(victim, { messages: "none" })],
])("%s: a dead letter with the raw row, everything else is read", async (_name, change) => {
  const { holes, letters, missing, victim } = await readSpoilt((answer, row) => {
    change(row);
    return answer;
  });
  expect({ holes, missing }).toEqual({ holes: 0, missing: [victim] });
  expect(letters[0]).toMatchObject({ stage: "source-row", reason: "InvalidResponse" });
  expect(letters[0]?.raw).toContain("full_status_name");
});

it.each<[name: string, spoil: Spoil, subject?: string]>([
  ["rows out of order", (answer) => ({ ...answer, result: [...answer.result].reverse() })],
  [
    "the same row twice",
    (answer, victim) => ({
      ...answer,
      result: answer.result.flatMap((row) => (row === victim ? [row, row] : [row])),
    }),
  ],
  [
    "5 MB of one message",
    (answer, victim) => {
      Object.assign((victim["messages"] as Row[])[0] ?? {}, { body: "ż".repeat(2_500_000) });
      return answer;
    },
  ],
  [
    "a lone surrogate",
    (answer, victim) =>
      JSON.stringify(answer).replace(JSON.stringify(victim["subject"]), '"a\\ud800b"'),
    "a\ud800b",
  ],
  [
    "NUL",
    (answer, victim) =>
      JSON.stringify(answer).replace(JSON.stringify(victim["subject"]), '"a\\u0000b"'),
    "a\u0000b",
  ],
  ["a count that is too small", (answer) => ({ ...answer, count: 1 })],
])("%s: everything is read all the same", async (_name, spoil, subject) => {
  const { holes, letters, missing, state } = await readSpoilt(spoil);
  expect({ holes, missing, letters }).toEqual({ holes: 0, missing: [], letters: [] });
  if (subject !== undefined) expect(state?.subject).toBe(subject);
});
