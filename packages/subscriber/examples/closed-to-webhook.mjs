// Posts every closed ticket to a webhook.
//
//   EVENT_LOG_URL=kafka://127.0.0.1:9092 WEBHOOK_URL=https://example.com/closed node packages/subscriber/examples/closed-to-webhook.mjs
//
// The webhook gets the event's id as Idempotency-Key: an event may come twice, its id never changes. While the webhook
// is down, the tickets of one partition wait and those of the others go on; what it refuses (4xx) becomes a dead letter
// (`thulium-stream dlq ls`). Ctrl-C finishes the post that is under way.
import { Failure, openLog, subscribe } from "@thulium-stream/subscriber";

const {
  EVENT_LOG_URL = "embedded:./data/sandbox/log",
  WEBHOOK_URL,
  TOPIC_PREFIX = "thulium.",
} = process.env;
if (!WEBHOOK_URL) {
  console.error("WEBHOOK_URL is missing: where should closed tickets be posted?");
  process.exit(2);
}

const ending = new AbortController();
process.once("SIGINT", () => ending.abort());
process.once("SIGTERM", () => ending.abort());

const log = await openLog(EVENT_LOG_URL, { topicPrefix: TOPIC_PREFIX, logger: loggerTo(console) });
await subscribe({
  log,
  group: "closed-to-webhook",
  signal: ending.signal,
  on: {
    "ticket.updated": async (event, { signal }) => {
      if (!event.kinds.includes("closed") || event.origin !== "live") return;
      const { ticket_id, subject, closed_at, user_login } = event.ticket;
      const response = await fetch(WEBHOOK_URL, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": event.id },
        body: JSON.stringify({ ticket_id, subject, closed_at, agent: user_login }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
      });
      await response.arrayBuffer();
      if (response.ok) console.log(`posted #${ticket_id}`);
      else if (response.status < 500)
        throw new Failure("Rejected", `the webhook answered ${response.status}`);
      else throw new Error(`the webhook answered ${response.status}`);
    },
  },
});
await log.close();

/** Warnings and errors, one JSON line each. */
function loggerTo({ error }) {
  const tell = (fields, message) => error(JSON.stringify({ message, ...fields }));
  return { debug() {}, info() {}, warn: tell, error: tell };
}
