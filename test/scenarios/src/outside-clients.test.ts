import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { encodeJson, recordOfEvent, type TicketEvent, topics } from "@thulium-stream/contracts";
import { kafkaTools, kcat, ServerMissing } from "@thulium-stream/infra/local";
import { makeTicket } from "@thulium-stream/kit";
import { realServers } from "@thulium-stream/kit/real-servers";
import { Kafka, logLevel } from "kafkajs";
import { beforeAll, describe, expect, it } from "vitest";
import { openLogBeside } from "./log-checks.ts";
import { snippetsOf } from "./page-snippets.ts";

const { kafkaBrokers, python } = realServers();
const prefix = `clients-${randomUUID().slice(0, 8)}.`;
const ids = ["1", "2", "3"].map((version) => version.padEnd(26, "a"));

const forNode = "Node: `@thulium-stream/subscriber`";

const kcatPath = await orNull(kcat);
const toolsFolder = await orNull(kafkaTools);

describe.skipIf(kafkaBrokers === null)(
  "clients read as the README and docs/consuming.md say",
  () => {
    beforeAll(publish);

    it("Node: events", async () => {
      const [script = ""] = snippetsOf("docs/consuming.md", forNode, "ts");
      expect(snippetsOf("README.md", "What you get", "ts")).toEqual([script]);
      const told = `let mails = 0;
        const sendMail = ({ ticket_id }) => { console.log(ticket_id); mails += 1; if (mails === 3) process.exit(); };`;
      expect((await runNode(`${told}\n${script}`)).split("\n")).toEqual(["7", "7", "7"]);
    });

    it("Node: the current state", async () => {
      const [, script = ""] = snippetsOf("docs/consuming.md", forNode, "ts");
      const around = `const view = new Map(); const over = new AbortController(); const { signal } = over;
        process.on("exit", () => console.log([...view].map(([id, { subject }]) => id + " " + subject).join()));
        setTimeout(() => process.exit(1), 60_000).unref();`;
      const ending = script.replace(
        'console.log("complete")',
        '{ console.log("complete"); process.exit(); }',
      );
      expect(await runNode(`${around}\n${ending}`)).toBe("complete\n7 Faktura");
    });

    it.skipIf(kcatPath === null)("kcat", async () => {
      const lines = (
        await run("sh", ["-c", snippet("kcat", "sh").replace(/^kcat/, String(kcatPath))])
      ).split("\n");
      expect(lines.map((line) => line.split("\t")[0])).toEqual(ids.map(() => "acme:7"));
      expect(lines.map((line) => /ce_id=(\w+)/.exec(line)?.[1])).toEqual(ids);
      expect(lines.map((line) => JSON.parse(line.split("\t")[2] ?? "").id)).toEqual(ids);
    });

    it.skipIf(python === null)("Python", async () => {
      const script = snippet("Python: confluent-kafka", "python").replace(
        '"reports"',
        `"${prefix}reports"`,
      );
      const lines = (await run(String(python), ["-c", script])).split("\n");
      expect(lines).toEqual(ids.map((id, at) => `${id} thulium.ticket.updated 7 ${at + 1}`));
    });

    it.skipIf(toolsFolder === null)("Java's console consumer", async () => {
      const tool = `java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "${toolsFolder}/*" org.apache.kafka.tools.consumer.ConsoleConsumer`;
      const script = snippet("Java: the console consumer", "sh").replace(
        "kafka-console-consumer.sh",
        tool,
      );
      const output = await run("sh", ["-c", `${script} 2>/dev/null || true`]);
      const lines = output.split("\n").filter((line) => line.includes("ce_id"));
      expect(lines.map((line) => /ce_id:(\w+)/.exec(line)?.[1])).toEqual(ids);
      expect(lines.every((line) => line.includes("acme:7"))).toBe(true);
    });
  },
);

/** The first block of a language under a heading, for this broker and these topics. */
function snippet(heading: string, language: string): string {
  const [text = ""] = snippetsOf("docs/consuming.md", heading, language);
  return forThisBroker(text);
}

function forThisBroker(text: string): string {
  return text
    .replaceAll("localhost:9092", kafkaBrokers?.join(",") ?? "")
    .replaceAll("thulium.ticket-events", `${prefix}ticket-events`);
}

/** What a module prints until it ends; the prefix of topics is the one setting that it does not have on a page. */
function runNode(module: string): Promise<string> {
  const text = forThisBroker(module).replace(
    /openLog\(("[^"]+")\)/,
    `openLog($1, { topicPrefix: "${prefix}" })`,
  );
  return run(process.execPath, ["--input-type=module", "--eval", text]);
}

/** Three events, and between them one of a transaction that is aborted. */
async function publish(): Promise<void> {
  const log = await openLogBeside(`kafka://${kafkaBrokers?.join(",")}`, prefix);
  await log.ensureTopics(topics);
  const writer = await log.openWriter("w");
  await writer.append([recordOfEvent(eventOf(1), 1)]);
  const producer = new Kafka({
    brokers: [...(kafkaBrokers ?? [])],
    logLevel: logLevel.NOTHING,
  }).producer({
    transactionalId: `${prefix}aborting`,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  const { key, value, headers } = recordOfEvent(eventOf(9), 9);
  await transaction.send({
    topic: `${prefix}ticket-events`,
    messages: [{ key, value: Buffer.from(value ?? ""), headers: { ...headers } }],
  });
  await transaction.abort();
  await producer.disconnect();
  await writer.append([recordOfEvent(eventOf(2), 2), recordOfEvent(eventOf(3), 2)]);
  await writer.append([{ topic: "tickets", key: "acme:7", value: encodeJson(state) }]);
  await log.close();
}

const state = {
  ...makeTicket({ ticket_id: "7", subject: "Faktura" }),
  ...{ content_hash: "h".repeat(26), hash_version: 1, version: 3, last_event_id: ids[2] },
  ...{ observed_at: "2026-11-23T09:00:04.000Z", listed: true, messages: [] },
};

function eventOf(version: number): TicketEvent {
  return {
    ...{ type: "thulium.ticket.updated", id: String(version).padEnd(26, "a"), system: "acme" },
    ...{ ticket_id: "7", version, previous_event_id: null, origin: "live" },
    ...{ time: "2026-11-23T09:00:00.000Z", observed_at: "2026-11-23T09:00:04.000Z" },
    ...{ time_is_observation: false, source_updated_at: null, source_updated_at_ambiguous: false },
    ...{ kinds: ["status_changed", "closed"], changes: [], derived: [] },
    ticket: makeTicket({ ticket_id: "7" }),
  } as TicketEvent;
}

/** What a program prints until it ends. */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 120_000, cwd: import.meta.dirname };
    execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`${error.message}\n${stderr}`));
    });
  });
}

/** A client, or null where it cannot be had; with CI=true that is a failure. */
async function orNull(find: () => Promise<string>): Promise<string | null> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof ServerMissing) || process.env["CI"] === "true") throw error;
    process.stderr.write(`NOT RUN: ${error.message}\n`);
    return null;
  }
}
