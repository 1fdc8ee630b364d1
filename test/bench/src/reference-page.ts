import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { holding, VirtualClock } from "@thulium-stream/kit";
import { newId } from "@thulium-stream/runtime";
import { createSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource } from "@thulium-stream/thulium-api";
import { Desk, system, zone } from "./desk.ts";

const startMs = Date.parse("2026-11-24T09:00:20.000Z");
const pageTickets = 100;
/** Bytes of the reference page: bodies are filled up to it. */
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
  const bytes = [...answers.values()].reduce((sum, { body }) => sum + body.length, 0);
  const full = [...answers.values()].filter(({ body }) => body.length > pageBytes / 2).length;
  return [
    `${first.pages} pages of ${pageTickets} tickets, ${Math.round(bytes / full / 1000)} KB each: CPU per page from bytes to append`,
    "",
    "| | CPU per page |",
    "| --- | --- |",
    `| all tickets new | ${again.newMs.toFixed(1)} ms |`,
    `| all unchanged | ${again.unchangedMs.toFixed(1)} ms |`,
  ].join("\n");
}

/** Lists everything into an empty log, and once more. With a desk, answers are asked for and kept; without, only kept ones are used. */
async function readTwice(answers: Answers, desk: Desk | null) {
  const clock = new VirtualClock(startMs);
  const folder = mkdtempSync(join(tmpdir(), "reference-page-"));
  try {
    const log = await openEmbeddedLog({
      folder: join(folder, "log"),
      clock,
      logger: silentLogger,
      newId,
    });
    await log.ensureTopics(topics);
    const index = TicketIndex.open(join(folder, "index"), system, {
      closedStatuses: ["Zamknięte"],
    });
    const source = createThuliumSource({
      url: "http://sandbox",
      system,
      user: "sandbox",
      password: "sandbox",
      zone,
      clock,
      logger: silentLogger,
      exchange: { get: (path) => answerOf(answers, desk, path), close: async () => {} },
    });
    const deps = {
      source,
      log: holding(log, clock),
      index: holding(index, clock),
      clock,
      logger: silentLogger,
      random: () => 0.5,
      newId,
    };
    const extractor = await Extractor.open(deps, { system, zone, requestsPerSecond: 1000 });
    const never = new AbortController().signal;
    const pages = Math.ceil(10_000 / pageTickets);
    const begunNew = process.cpuUsage();
    const { tickets } = await extractor.catchUp(never);
    const newMs = msOf(process.cpuUsage(begunNew));
    const begunAgain = process.cpuUsage();
    await extractor.catchUp(never);
    const unchangedMs = msOf(process.cpuUsage(begunAgain));
    await extractor.close();
    await log.close();
    const count = Math.ceil(tickets / pageTickets) || pages;
    return { pages: count, newMs: newMs / count, unchangedMs: unchangedMs / count };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function answerOf(answers: Answers, desk: Desk | null, path: string) {
  let answer = answers.get(path);
  if (answer === undefined) {
    if (desk === null) throw new Error(`not asked for in the first run: ${path}`);
    const { status, headers, text } = await desk.get(path);
    answer = { status, headers, body: Buffer.from(filled(text)) };
    answers.set(path, answer);
  }
  return { ...answer, body: once(answer.body) };
}

const filler = "Dzień dobry, proszę o pomoc. ";

/** A page with message bodies filled up, so that 100 tickets have the reference page's size. The same ticket is filled alike each time. */
function filled(text: string): string {
  const envelope = JSON.parse(text) as { result?: { messages: { body: string | null }[] }[] };
  for (const row of envelope.result ?? []) {
    const missing = pageBytes / pageTickets - Buffer.byteLength(JSON.stringify(row));
    const [first] = row.messages;
    if (first !== undefined && missing > 0)
      first.body = `${first.body ?? ""}${filler.repeat(missing / Buffer.byteLength(filler))}`;
  }
  return JSON.stringify(envelope);
}

function msOf({ user, system: own }: NodeJS.CpuUsage): number {
  return (user + own) / 1000;
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}
