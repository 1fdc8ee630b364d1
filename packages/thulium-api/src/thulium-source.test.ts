import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock, PageRequest } from "@thulium-stream/contracts";
import { silentLogger } from "@thulium-stream/contracts";
import { afterEach, describe, expect, it } from "vitest";
import { createThuliumSource, type ThuliumSourceOptions } from "./thulium-source.ts";

const request: PageRequest = {
  updated: { from: "2026-11-23 09:00", to: null },
  orderBy: "update_date",
  offset: 0,
  limit: 100,
};
const row = (fields: object = {}) => ({
  ticket_id: "7",
  created_at: "2026-11-23 08:00",
  updated_at: "2026-11-23 09:30",
  status_id: "1",
  messages: [],
  ...fields,
});
const page = (...rows: unknown[]) => JSON.stringify({ count: rows.length, result: rows });

const clock: Clock = {
  now: () => Date.parse("2026-11-23T09:00:00.000Z"),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener(
        "abort",
        () => {
          clearTimeout(timer);
          reject(new Error("aborted"));
        },
        {
          once: true,
        },
      );
    }),
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function source(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<ThuliumSourceOptions> = {},
) {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = createThuliumSource({
    url: `http://127.0.0.1:${port}`,
    system: "acme",
    user: "api",
    password: "s3cret",
    zone: "Europe/Warsaw",
    clock,
    logger: silentLogger,
    ...options,
  });
  closing.push(
    () => client.close(),
    () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  );
  return { client, server };
}

const says =
  (body: string, status = 200, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  };

describe("the source's client", () => {
  it("S1: a page tells its request, its place in the sequence and the source's Date", async () => {
    const seen: IncomingMessage[] = [];
    const { client } = await source((incoming, response) => {
      seen.push(incoming);
      says(page(row()), 200, { date: "Mon, 23 Nov 2026 08:58:58 GMT" })(incoming, response);
    });
    const first = await client.listTickets(request);
    const second = await client.listTickets(request);
    expect(first).toMatchObject({
      request,
      sequence: 1,
      received: 1,
      count: 1,
      lastOrderMinute: "2026-11-23 09:30",
      sourceDate: "2026-11-23T08:58:58.000Z",
    });
    expect(second.sequence).toBeGreaterThanOrEqual(first.answeredBefore);
    expect(seen[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from("api:s3cret").toString("base64")}`,
    );
    expect(seen[0]?.url).toContain("include_custom_fields=true");
  });

  it.each([
    ["order", [row(), row({ ticket_id: "8", updated_at: "2026-11-23 09:29" })]],
    ["bound", [row({ updated_at: "2026-11-23 08:58" })]],
    ["order date", [row({ updated_at: null })]],
    ["ticket twice", [row(), row({ subject: "otherwise" })]],
  ])("S2: a page that breaks its %s is a failure, never data", async (_name, rows) => {
    const { client } = await source(says(page(...rows)));
    await expect(client.listTickets(request)).rejects.toMatchObject({ code: "InvalidResponse" });
  });

  it("S2: a page that ignores its filter is a failure", async () => {
    const { client } = await source(says(page(row())));
    await expect(client.listTickets({ ...request, filter: { statusIds: ["2"] } })).rejects.toThrow(
      "filter was ignored",
    );
  });

  it("S2: seconds may come and go, ties may come in any order", async () => {
    const { client } = await source(
      says(
        page(
          row({ updated_at: "2026-11-23 09:30:59" }),
          row({ ticket_id: "8", updated_at: "2026-11-23 09:30:01" }),
        ),
      ),
    );
    expect((await client.listTickets(request)).rows).toHaveLength(2);
  });

  it("S2: a broken row is set aside with its text and still counts for paging", async () => {
    const { client } = await source(
      says(page(row(), { ticket_id: "x", updated_at: "2026-11-23 09:40" })),
    );
    const answered = await client.listTickets(request);
    expect(answered).toMatchObject({ received: 2, lastOrderMinute: "2026-11-23 09:40" });
    expect(answered.rejected).toEqual([
      {
        ticketId: null,
        detail: expect.stringContaining("ticket_id"),
        raw: expect.stringContaining('"x"'),
      },
    ]);
  });

  it("S3: abort rejects with Cancelled and leaves no request running", async () => {
    let ended = false;
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const { client } = await source((incoming) => {
      incoming.socket.on("close", () => (ended = true));
      arrive();
    });
    const controller = new AbortController();
    const listing = client.listTickets(request, controller.signal);
    await arrived;
    controller.abort();
    await expect(listing).rejects.toMatchObject({ code: "Cancelled" });
    await expect.poll(() => ended).toBe(true);
  });

  it("S4: nothing is retried", async () => {
    let requests = 0;
    const { client } = await source((incoming, response) => {
      requests += 1;
      says("{}", 500)(incoming, response);
    });
    await expect(client.listTickets(request)).rejects.toMatchObject({
      code: "Unavailable",
      status: 500,
    });
    expect(requests).toBe(1);
  });

  it.each([
    [401, {}, "Unauthenticated", undefined],
    [403, {}, "Forbidden", undefined],
    [400, {}, "Rejected", undefined],
    [302, { location: "https://elsewhere" }, "Rejected", undefined],
    [429, { "retry-after": "7200" }, "RateLimited", 7_200_000],
    [
      429,
      { "retry-after": "Mon, 23 Nov 2026 10:00:00 GMT", date: "Mon, 23 Nov 2026 09:30:00 GMT" },
      "RateLimited",
      1_800_000,
    ],
    [429, {}, "RateLimited", undefined],
    [503, { "retry-after": "5" }, "RateLimited", 5000],
    [503, {}, "Unavailable", undefined],
    [504, {}, "Unavailable", undefined],
  ] as const)("classifies %d with %j as %s", async (status, headers, code, retryAfterMs) => {
    const { client } = await source(says("<html>s3cret?</html>", status, headers));
    const failure = await client.listTickets(request).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, status, raw: "<html>s3cret?</html>" });
    expect((failure as { retryAfterMs?: number }).retryAfterMs).toBe(retryAfterMs);
    expect((failure as Error).message).not.toContain("s3cret");
  });

  it.each([
    ["HTML", "<html>welcome</html>"],
    ["cut JSON", '{"count": 3, "result": [{"ticket'],
    ["result: null", '{"count": 0, "result": null}'],
    ["a bare list", "[]"],
    ["no count", '{"result": []}'],
    ["a negative count", '{"count": -1, "result": []}'],
  ])("refuses %s with status 200", async (_name, body) => {
    const { client } = await source(says(body));
    await expect(client.listTickets(request)).rejects.toMatchObject({
      code: "InvalidResponse",
      raw: body,
    });
  });

  it("ends an answer larger than the limit", async () => {
    const { client } = await source(says(page(row({ subject: "x".repeat(20_000) }))), {
      maxAnswerBytes: 10_000,
    });
    await expect(client.listTickets(request)).rejects.toMatchObject({ code: "TooLarge" });
  });

  it("ends an answer that trickles past the deadline", async () => {
    const { client } = await source(
      (_incoming, response) => void response.writeHead(200).write('{"count":'),
      { deadlineMs: 100 },
    );
    await expect(client.listTickets(request)).rejects.toMatchObject({ code: "TimedOut" });
  });

  it("tells an unreachable source", async () => {
    const { client, server } = await source(says("{}"));
    await new Promise((resolve) => server.close(resolve));
    await expect(client.listTickets(request)).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("does not round long numbers", async () => {
    const { client } = await source(
      says(
        '{"count":1,"result":[{"ticket_id":90071992547409931234,"customer_id":12345678901234567890,"created_at":"2026-11-23 08:00","updated_at":"2026-11-23 09:30","messages":[]}]}',
      ),
    );
    expect((await client.listTickets(request)).rows[0]?.ticket).toMatchObject({
      ticket_id: "90071992547409931234",
      customer_id: "12345678901234567890",
    });
  });

  it.each([
    [404, false],
    [410, false],
    [200, true],
  ])("a ticket whose id answers %d exists: %s", async (status, exists) => {
    const { client } = await source(says('{"ticket_id":7}', status));
    expect(await client.ticketExists("7")).toBe(exists);
  });

  it("takes no friendly page for a ticket", async () => {
    const { client } = await source(says("<html>", 200));
    await expect(client.ticketExists("7")).rejects.toMatchObject({ code: "InvalidResponse" });
  });
});
