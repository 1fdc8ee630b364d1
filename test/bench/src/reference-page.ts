import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  encodeJson,
  hashId,
  type NewRecord,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { VirtualClock } from "@thulium-stream/kit";
import { newId } from "@thulium-stream/runtime";
import { createSandbox } from "@thulium-stream/sandbox";
import { Desk, sourceOver, withExtractor } from "./desk.ts";

const startMs = Date.parse("2026-11-24T09:00:20.000Z");
const pageTickets = 100;
/** Bytes of the reference page, about: the sandbox's tickets are a little smaller, and their first messages filled up. */
const pageBytes = 480_000;

/** Answers of the desk by request: what was asked once is not made again. */
type Answers = Map<string, { status: number; headers: Record<string, string>; body: Buffer }>;

/** CPU of this process per page of 100 tickets, from the bytes of the answer to the append on disk; the answers were made beforehand. */
export async function referencePage(tickets = 10_000): Promise<string> {
  const answers: Answers = new Map();
  const sandbox = createSandbox({ tickets, startMs, standStill: true, switches: "ties=stable" });
  const desk = new Desk(sandbox, new VirtualClock(startMs));
  const first = await readTwice(answers, desk);
  const again = await readTwice(answers, null);
  const leastMs = await leastWork(answers);
  const full = [...answers.values()].filter(({ body }) => body.length > pageBytes / 2);
  const bytes = full.reduce((sum, { body }) => sum + body.length, 0);
  return [
    `${first.pages} pages of ${pageTickets} tickets, ${Math.round(bytes / full.length / 1000)} KB each: CPU per page from bytes to append`,
    "",
    "| | CPU per page |",
    "| --- | --- |",
    `| all tickets new | ${again.newMs.toFixed(1)} ms |`,
    `| all unchanged | ${again.unchangedMs.toFixed(1)} ms |`,
    `| the least that new ones need: parsing, a hash, an event and a state of each record, the append | ${leastMs.toFixed(1)} ms |`,
  ].join("\n");
}

/** Lists everything into an empty log, and once more. With a desk, answers are asked for and kept; without, only kept ones are used. */
function readTwice(answers: Answers, desk: Desk | null) {
  const clock = new VirtualClock(startMs);
  const source = sourceOver(clock, (path) => answerOf(answers, desk, path));
  return withExtractor(source, clock, { requestsPerSecond: 1000 }, async (extractor) => {
    const never = new AbortController().signal;
    const begunNew = process.cpuUsage();
    const { tickets } = await extractor.catchUp(never);
    const newMs = msOf(process.cpuUsage(begunNew));
    const begunAgain = process.cpuUsage();
    await extractor.catchUp(never);
    const unchangedMs = msOf(process.cpuUsage(begunAgain));
    const pages = Math.ceil(tickets / pageTickets);
    return { pages, newMs: newMs / pages, unchangedMs: unchangedMs / pages };
  });
}

/** CPU per page of what cannot be left out when all is new, without any of our own reading, comparing and keeping: what this machine needs at least. */
async function leastWork(answers: Answers): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const clock = new VirtualClock(startMs);
  const log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
  const writer = await log.openWriter("bench");
  const bodies = [...answers.values()].filter(({ body }) => body.length > pageBytes / 2);
  const begun = process.cpuUsage();
  for (const { body } of bodies) {
    const { result } = JSON.parse(body.toString("utf8")) as { result: { messages: object[] }[] };
    const records = result.flatMap(({ messages, ...head }, at) =>
      [head, ...messages].flatMap((record): NewRecord[] => {
        const id = hashId(JSON.stringify(record));
        return [
          { topic: "message-events", key: `acme:${at}`, value: encodeJson({ id, record }) },
          { topic: "messages", key: `acme:${at}:${id}`, value: encodeJson(record) },
        ];
      }),
    );
    await writer.append(records);
  }
  const leastMs = msOf(process.cpuUsage(begun)) / bodies.length;
  await log.close();
  rmSync(folder, { recursive: true, force: true });
  return leastMs;
}

async function answerOf(answers: Answers, desk: Desk | null, path: string) {
  let answer = answers.get(path);
  if (answer === undefined) {
    if (desk === null) throw new Error(`not asked for in the first run: ${path}`);
    const { status, headers, text } = await desk.get(path);
    answer = { status, headers, body: Buffer.from(filled(text)) };
    answers.set(path, answer);
  }
  return answer;
}

const filler = "Dzień dobry, proszę o pomoc. ".repeat(12);

/** A page in which every ticket's first message is longer by the same text: 100 tickets then have the reference page's size. */
function filled(text: string): string {
  const envelope = JSON.parse(text) as { result?: { messages: { body: string | null }[] }[] };
  for (const { messages } of envelope.result ?? []) {
    const [first] = messages;
    if (first !== undefined) first.body = `${first.body ?? ""}${filler}`;
  }
  return JSON.stringify(envelope);
}

function msOf({ user, system: own }: NodeJS.CpuUsage): number {
  return (user + own) / 1000;
}
