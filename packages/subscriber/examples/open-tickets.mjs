// Keeps a view of all open tickets in memory and serves it as JSON.
//
//   EVENT_LOG_URL=kafka://127.0.0.1:9092 node packages/subscriber/examples/open-tickets.mjs
//   curl http://127.0.0.1:8090/
//
// The view is built from the compacted topic `tickets` alone, every time it starts: there is nothing to store, and
// nothing to be out of date. Until it is complete it answers 503.
import { createServer } from "node:http";
import { followState, openLog } from "@thulium-stream/subscriber";

const {
  EVENT_LOG_URL = "embedded:./data/sandbox/log",
  TOPIC_PREFIX = "thulium.",
  PORT = "8090",
} = process.env;
const closedStatuses = (process.env.CLOSED_STATUSES ?? "Zamknięte,Połączone").split(",");

const ending = new AbortController();
process.once("SIGINT", () => ending.abort());
process.once("SIGTERM", () => ending.abort());

const open = new Map();
let isComplete = false;
const server = createServer((_request, response) => {
  response.writeHead(isComplete ? 200 : 503, { "content-type": "application/json" });
  response.end(JSON.stringify(isComplete ? [...open.values()] : { detail: "still reading" }));
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});

const log = await openLog(EVENT_LOG_URL, { topicPrefix: TOPIC_PREFIX });
await followState({
  log,
  signal: ending.signal,
  onTicket: ({ ticketId }, state) => {
    const isOpen = state?.listed && !closedStatuses.includes(state.full_status_name ?? "");
    if (!isOpen) return void open.delete(ticketId);
    const { ticket_id, subject, full_status_name, ticket_queue_name, user_login, updated_at } =
      state;
    open.set(ticketId, {
      ticket_id,
      subject,
      full_status_name,
      ticket_queue_name,
      user_login,
      updated_at,
    });
  },
  onCaughtUp: () => {
    isComplete = true;
    console.log(`complete: ${open.size} open tickets`);
  },
});
server.close();
server.closeAllConnections();
await log.close();
