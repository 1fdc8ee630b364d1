import { TicketIndex } from "@thulium-stream/extractor";
import { Kafka, type Producer, type Transaction } from "kafkajs";
import { OrderedCrash } from "./crash-orders.ts";
import { workUnder } from "./lake-chaos/work-under.ts";

/**
 * The command, which kills itself at a named point: `node crash-child.js <file of its orders> <arguments of the command>`. The calls are
 * wrapped here, in this process alone: the command itself knows nothing of it.
 */
const [path = "", ...rest] = process.argv.slice(2);
const crash = new OrderedCrash(path);

const makeProducer = Kafka.prototype.producer;
Kafka.prototype.producer = function producer(this: Kafka, ...options): Producer {
  const made = crash.through(makeProducer.apply(this, options), { connect: "connect" });
  const begin = made.transaction.bind(made);
  made.transaction = () =>
    crash.passing(
      "begin",
      async (): Promise<Transaction> =>
        crash.through(await begin(), { sendBatch: "send", commit: "commit", abort: "abort" }),
    );
  return made;
};
const makeAdmin = Kafka.prototype.admin;
Kafka.prototype.admin = function admin(this: Kafka, ...options) {
  return crash.through(makeAdmin.apply(this, options), { fetchTopicOffsets: "ends" });
};
const apply = TicketIndex.prototype.apply;
TicketIndex.prototype.apply = function applied(this: TicketIndex, ...args) {
  return crash.passing("index-write", async () => apply.apply(this, args));
};

const { lake } = crash.read();
if (lake !== undefined) workUnder(lake, crash);
process.argv.splice(2, process.argv.length, ...rest);
await import("@thulium-stream/cli");
