import { rmSync } from "node:fs";
import { join } from "node:path";
import { realServers } from "@thulium-stream/kit/real-servers";
import { systemClock } from "@thulium-stream/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { openLogBeside } from "../log-checks.ts";
import { Deployment } from "../pipeline-process.ts";
import { localPlace, type Place, remotePlace, serversOf } from "../place.ts";
import { type HelpDesk, openHelpDesk } from "../truth.ts";
import { type Person, remainsInLake, remainsOnLog } from "./remains.ts";

const { kafkaBrokers, s3 } = realServers();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A customer of the help desk, and what nobody else has of theirs. */
function personOf({ sandbox }: HelpDesk): Person {
  const rows = [...sandbox.truth().rows()] as {
    ticket_id: string;
    customer_id: string | null;
    from: string;
    status_id: string;
    messages: { body: string | null }[];
  }[];
  const byCustomer = new Map<string, typeof rows>();
  for (const row of rows)
    if (row.customer_id !== null)
      byCustomer.set(row.customer_id, [...(byCustomer.get(row.customer_id) ?? []), row]);
  const own = [...byCustomer.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  const others = JSON.stringify(rows.filter((row) => !own.includes(row)));
  const isOwn = (word: string) =>
    word.length > 12 && !others.includes(JSON.stringify(word.slice(0, 24)).slice(1, -1));
  const texts = own.flatMap(({ from, messages }) => [
    /[\w.+-]+@[\w.-]+/.exec(from)?.[0] ?? "",
    ...messages.map(({ body }) => body ?? ""),
  ]);
  return {
    customerId: own[0]?.customer_id ?? "",
    ticketIds: own.map(({ ticket_id }) => ticket_id),
    words: [...new Set(texts.filter(isOwn)), "Sprawa poufna 7731"],
  };
}

/** A deployment that has seen the person's tickets change: there are older versions of them everywhere. */
async function begin(place: Place) {
  const desk = await openHelpDesk(150, { switches: "touch_on=all" });
  closing.push(() => desk.server.close());
  const person = personOf(desk);
  const deployment = new Deployment({ ...desk.env, ...place.env });
  closing.push(() => deployment.dispose());
  await deployment.succeed(["run", "--once"]);
  desk.sandbox.advanceTo(systemClock.now());
  for (const id of person.ticketIds)
    desk.sandbox.mutate({
      kind: "subject",
      ticketId: Number(id),
      subject: person.words.at(-1) ?? "",
    });
  await deployment.succeed(["run", "--once"]);
  const log = await openLogBeside(place.logUrl(deployment), place.topicPrefix);
  closing.push(() => log.close());
  const look = async () => ({
    log: await remainsOnLog(log, person),
    lake: await remainsInLake(place.lakeUrl(deployment), place.s3, person),
  });
  return { desk, deployment, person, log, look };
}

type World = Awaited<ReturnType<typeof begin>>;

/** Nothing of the person is anywhere but where the report says that it is pending. */
async function expectErased({ look }: World, isEmbedded: boolean): Promise<void> {
  const { log, lake } = await look();
  expect(lake.found).toEqual([]);
  expect(lake.objects).toBeGreaterThan(5);
  const { tickets, messages, "ticket-metrics": metrics, ...others } = log;
  const left = [...tickets, ...messages, ...metrics];
  if (isEmbedded) expect(left.filter((where) => !where.startsWith("tombstone"))).toEqual([]);
  const { "ticket-events": _1, "message-events": _2, ...nothing } = others;
  expect(nothing).toEqual({ "extractor-state": [], commands: [], "dead-letters": [] });
}

async function eraseOnce(place: Place, isEmbedded: boolean): Promise<void> {
  const world = await begin(place);
  const { deployment, person, look, desk } = world;
  const before = await look();
  expect(before.lake.found.length).toBeGreaterThan(2);
  for (const topic of ["tickets", "messages", "ticket-metrics"] as const)
    expect(before.log[topic].length, topic).toBeGreaterThan(0);
  const refused = await deployment.run(["erase", "--customer", person.customerId]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--yes")]);

  const erase = ["erase", "--customer", person.customerId, "--yes"];
  // Without a pipeline an embedded log is worked on by the command itself; elsewhere it waits for one.
  const report = isEmbedded ? await deployment.succeed(erase) : await beside(deployment, erase);
  expect(report).toMatch(/current state on the log, extractor's index +done/);
  expect(report).toMatch(/lake: .+ done /);
  expect(report).toMatch(/past events in .+ pending +until 20\d\d-/);
  await expectErased(world, isEmbedded);

  // Reading everything again, and new tickets of the customer, bring nothing back.
  const events = before.log["ticket-events"].length + before.log["message-events"].length;
  desk.sandbox.advanceTo(systemClock.now());
  for (const id of person.ticketIds)
    desk.sandbox.mutate({
      kind: "subject",
      ticketId: Number(id),
      subject: `${person.words.at(-1)}!`,
    });
  await deployment.succeed(["run", "--once"]);
  await deployment.succeed(["run", "--once", "--verify"]);
  await expectErased(world, isEmbedded);
  const after = (await look()).log;
  expect(after["ticket-events"].length + after["message-events"].length).toBe(events);
  // Not even a deployment that begins with empty state and an empty lake takes them over from the log.
  if (isEmbedded) {
    rmSync(join(deployment.folder, "data", "acme", "lake"), { recursive: true });
    rmSync(join(deployment.folder, "data", "acme", "state"), { recursive: true });
    await deployment.succeed(["run", "--once", "--verify"]);
    await expectErased(world, isEmbedded);
  }

  const status = await deployment.run(["erase", "status", "--json"]);
  expect(status.code, status.stderr).toBe(0);
  const [told] = JSON.parse(status.stdout) as {
    closed_at: string | null;
    lines: { what: string; state: string; at: string }[];
  }[];
  expect(told?.closed_at).toBe(null);
  const pending = told?.lines.filter(({ state }) => state === "pending").map(({ what }) => what);
  expect(pending?.some((what) => what.startsWith("past events"))).toBe(true);
  expect(pending?.some((what) => what.startsWith("lake"))).toBe(false);
}

/** Runs a command while a pipeline runs as another process. */
async function beside(deployment: Deployment, args: readonly string[]): Promise<string> {
  const { process: pipeline, ended } = deployment.start(["run"], { POLL_INTERVAL: "1s" });
  try {
    return await deployment.succeed(args);
  } finally {
    pipeline.kill("SIGTERM");
    await ended;
  }
}

describe("an erasure leaves nothing behind but what it says is pending", () => {
  it("on an embedded log and a local lake, without a running pipeline", () =>
    eraseOnce(localPlace, true));

  it.skipIf(kafkaBrokers === null || s3 === null)(
    "on a real Kafka broker and a real S3 server, beside a running pipeline",
    async () => eraseOnce(await remotePlace("erasure", serversOf(realServers())), false),
  );

  it("is complete after any kill, once something runs again", async () => {
    const world = await begin(localPlace);
    const { deployment, person } = world;
    const erase = ["erase", "--customer", person.customerId, "--yes"];
    for (let kill = 0; kill < 6; kill += 1) {
      const { process: erasing, ended } = deployment.start(erase);
      // From the moment that the command is durable on.
      const told = new Promise<void>((resolve) => {
        erasing.stderr?.on("data", (text: Buffer) => {
          if (text.includes("told to erase")) resolve();
        });
      });
      await Promise.race([told, ended]);
      await Promise.race([systemClock.sleep(kill * 200), ended]);
      erasing.kill("SIGKILL");
      await ended;
    }
    // Not the command again: whatever runs next ends what was begun.
    await deployment.succeed(["run", "--once", "--verify"]);
    await expectErased(world, true);
  });
});
