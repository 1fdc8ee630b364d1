import { TicketIndex } from "@thulium-stream/extractor";
import { Kafka, type Producer, type Transaction } from "kafkajs";
import type { Crash, CrashPoint } from "./crash-points.ts";

/**
 * The command, which kills itself at a named point: `node crash-child.js <point> <before|after> <n> <arguments of the command>`. The
 * calls are wrapped here, in this process alone: the command itself knows nothing of it.
 */
const [point, when, nth, ...rest] = process.argv.slice(2);
const crash = { point, when, nth: Number(nth) } as Crash;
let passed = 0;

/** Runs the call, and ends this process before or after it if its time has come. */
async function passing<T>(at: CrashPoint, call: () => Promise<T>): Promise<T> {
  if (at === crash.point) passed += 1;
  const isDue = at === crash.point && passed === crash.nth;
  if (isDue && crash.when === "before") process.kill(process.pid, "SIGKILL");
  const answer = await call();
  if (isDue && crash.when === "after") process.kill(process.pid, "SIGKILL");
  return answer;
}

/** Methods replaced by ones that pass a point. */
function through<T extends object>(target: T, points: Partial<Record<keyof T, CrashPoint>>): T {
  for (const [name, at] of Object.entries(points) as [keyof T, CrashPoint][]) {
    const real = target[name] as unknown as (...args: unknown[]) => Promise<unknown>;
    const wrapped = (...args: unknown[]) => passing(at, () => real.apply(target, args));
    target[name] = wrapped as unknown as T[keyof T];
  }
  return target;
}

const makeProducer = Kafka.prototype.producer;
Kafka.prototype.producer = function producer(this: Kafka, ...options): Producer {
  const made = through(makeProducer.apply(this, options), { connect: "connect" });
  const begin = made.transaction.bind(made);
  made.transaction = () =>
    passing(
      "begin",
      async (): Promise<Transaction> =>
        through(await begin(), { sendBatch: "send", commit: "commit", abort: "abort" }),
    );
  return made;
};
const makeAdmin = Kafka.prototype.admin;
Kafka.prototype.admin = function admin(this: Kafka, ...options) {
  return through(makeAdmin.apply(this, options), { fetchTopicOffsets: "ends" });
};
const apply = TicketIndex.prototype.apply;
TicketIndex.prototype.apply = function applied(this: TicketIndex, ...args) {
  return passing("index-write", async () => apply.apply(this, args));
};

process.argv.splice(2, process.argv.length, ...rest);
await import("@thulium-stream/cli");
