import { describe, expect, it } from "vitest";
import { type AskedRow, ask, createSandbox } from "./index.ts";

const startMs = Date.parse("2026-11-23T09:00:00.000Z");
const sandbox = createSandbox({ startMs, tickets: 3000, historyDays: 200, seed: "contract" });
const firstTicketOf = (query: string) => {
  const row = ask(sandbox, `/api/tickets?${query}`).body.result[0];
  if (row === undefined) throw new Error(`no ticket for ${query}`);
  return row;
};
const stampForm = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$/;

interface ErrorBody {
  readonly request_id: string;
  readonly errors: readonly { readonly message: string; readonly code: number }[];
}

describe("the call (§1)", () => {
  it("answers count and at most 100 rows, newest change first, by default", () => {
    const { status, headers, body } = ask(sandbox, "/api/tickets");
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(headers["date"]).toBe("Mon, 23 Nov 2026 09:00:00 GMT");
    expect(Object.keys(body)).toEqual(["count", "result"]);
    expect(body.count).toBe(sandbox.truth().tickets);
    expect(body.result).toHaveLength(100);
    const stamps = body.result.map((row) => String(row["updated_at"]));
    expect(stamps).toEqual([...stamps].sort().reverse());
    expect(stamps.at(-1)).not.toBe(stamps[0]);
  });

  it("sorts by create_date and update_date in both directions, ties by the next key", () => {
    const keys = (order: string, offset = 0) =>
      ask(sandbox, `/api/tickets?order=${order}&offset=${offset}`).body.result.map(
        (row) => `${row["created_at"]}|${row["updated_at"]}`,
      );
    const byCreated = keys("create_date,update_date", 900);
    expect(byCreated).toEqual([...byCreated].sort());
    const descending = keys("-create_date,-update_date");
    expect(descending).toEqual([...descending].sort().reverse());
    const byUpdated = ask(sandbox, "/api/tickets?order=update_date").body.result;
    const stamps = byUpdated.map((row) => String(row["updated_at"]));
    expect(stamps).toEqual([...stamps].sort());
  });

  it.each([
    ["no credentials", undefined],
    ["a wrong password", `Basic ${Buffer.from("sandbox:wrong").toString("base64")}`],
    ["another scheme", "Bearer sandbox"],
  ])("answers 401 with the documented body to %s", (_what, authorization) => {
    const { status, headers, body } = sandbox.handle("GET", "/api/tickets", { authorization });
    expect(status).toBe(401);
    expect(headers["www-authenticate"]).toMatch(/^Basic/);
    const parsed = JSON.parse(String(body)) as ErrorBody;
    expect(parsed.request_id).toMatch(/^[0-9a-f]{13}$/);
    expect(parsed.errors).toEqual([{ message: "Authentication required", code: 1401 }]);
  });

  it("speaks Polish when asked to", () => {
    const headers = { "accept-language": "pl-PL,pl;q=0.9" };
    const { body } = sandbox.handle("GET", "/api/tickets", headers);
    expect((JSON.parse(String(body)) as ErrorBody).errors[0]?.message).toBe(
      "Wymagane uwierzytelnienie",
    );
  });

  it.each(["/api/ticket", "/api/tickets/", "/api/tickets/abc", "/", "/api/tickets/101/x"])(
    "answers 404 to the unknown URI %s",
    (path) => {
      const { status, body } = ask<ErrorBody>(sandbox, path);
      expect(status).toBe(404);
      expect(body.errors).toHaveLength(1);
    },
  );

  it("answers 404 to any method but GET: its table knows no 405", () => {
    const authorization = `Basic ${Buffer.from("sandbox:sandbox").toString("base64")}`;
    for (const method of ["POST", "PUT", "DELETE"]) {
      expect(sandbox.handle(method, "/api/tickets", { authorization }).status).toBe(404);
    }
  });

  it("takes other credentials when it is given them", () => {
    const options = { startMs, tickets: 5, user: "api_user", password: "zażółć:x" };
    const guarded = createSandbox(options);
    expect(ask(guarded, "/api/tickets").status).toBe(401);
    expect(ask(guarded, "/api/tickets", options).status).toBe(200);
  });
});

describe("the parameters (§2)", () => {
  const all = (query: string) => {
    const rows: AskedRow[] = [];
    for (;;) {
      const separator = query === "" ? "" : "&";
      const { body } = ask(sandbox, `/api/tickets?${query}${separator}offset=${rows.length}`);
      rows.push(...body.result);
      if (body.result.length === 0) return { rows, count: body.count };
    }
  };
  const some = firstTicketOf("ticket_queue_id=3&status_id[]=6&category_id=2&source=email");

  it.each([
    ["customer_id", "customer_id", String(some["customer_id"] ?? 30001)],
    ["user_login", "user_login", String(some["user_login"])],
    ["source", "source", "chat"],
    ["ticket_queue_id", "ticket_queue_id", "5"],
    ["category_id", "category_id", "4"],
  ])("%s finds exactly the tickets that show it", (parameter, field, value) => {
    const { rows, count } = all(`${parameter}=${value}`);
    expect(rows.length).toBe(count);
    expect(count).toBeGreaterThan(0);
    expect(rows.every((row) => String(row[field]) === value)).toBe(true);
    const shown = [...sandbox.truth().rows()].filter((row) => String(row[field]) === value);
    expect(count).toBe(shown.length);
  });

  it("status_id[] takes several, and a scalar makes it answer 500", () => {
    const { rows, count } = all("status_id[]=1&status_id[]=5");
    expect(new Set(rows.map((row) => row["status_id"]))).toEqual(new Set(["1", "5"]));
    expect(all("status_id[0]=1").count + all("status_id[]=5").count).toBe(count);
    expect(ask<ErrorBody>(sandbox, "/api/tickets?status_id=1").status).toBe(500);
    expect(ask<ErrorBody>(sandbox, "/api/tickets?status_id[]=1&status_id=2").status).toBe(500);
  });

  it("message_id finds the one ticket that contains it, or none", () => {
    const id = some.messages[0]?.["message_id"];
    const { rows, count } = all(`message_id=${id}`);
    expect(count).toBe(1);
    expect(rows[0]?.["ticket_id"]).toBe(some["ticket_id"]);
    expect(all("message_id=999999999999").count).toBe(0);
  });

  it("an unknown company, queue, user, status or customer finds nothing", () => {
    for (const query of [
      "company_id=999999",
      "ticket_queue_id=77",
      "user_login=nobody",
      "status_id[]=99",
      "customer_id=1",
      "category_id=99",
      "source=telegraf",
    ]) {
      expect(all(query).count).toBe(0);
    }
    expect(all("company_id=7").count).toBeGreaterThan(0);
  });

  it("date bounds are closed wall clock bounds on the modification date, create_date ones on the creation date", () => {
    const minute = String(some["updated_at"]);
    const created = String(some["created_at"]);
    const day = minute.slice(0, 10);
    const inside = (field: string, from: string, to: string) =>
      [...sandbox.truth().rows()].filter(
        (row) => String(row[field]) >= from && String(row[field]) <= to,
      ).length;
    expect(all(`date_from=${day} 00:00&date_to=${day} 23:59`).count).toBe(
      inside("updated_at", `${day} 00:00`, `${day} 23:59`),
    );
    // Seconds are compared but not shown: the last minute holds what lies at its very start only (A4b).
    expect(all(`date_from=${minute}`).rows.map((row) => row["ticket_id"])).toContain(
      some["ticket_id"],
    );
    const { rows } = all(`create_date_from=${created}&create_date_to=${created}:59`);
    expect(rows.map((row) => row["ticket_id"])).toContain(some["ticket_id"]);
    expect(new Set(rows.map((row) => row["created_at"]))).toEqual(new Set([created]));
  });

  it("custom_fields: alternatives within a field are OR, fields are AND; a mangled name loses the filter", () => {
    const values = (rows: readonly AskedRow[], name: string) =>
      new Set(rows.map((row) => (row["custom_fields"] as Record<string, unknown>)[name]));
    const either = all(
      "include_custom_fields=true&custom_fields[ID][0]=1&custom_fields[ID][1]=2",
    ).rows;
    expect(values(either, "ID")).toEqual(new Set(["1", "2"]));
    const both = all(
      "include_custom_fields=true&custom_fields[ID][]=1&custom_fields[ID][]=2&custom_fields[Uwagi]=information",
    ).rows;
    expect(both.length).toBeGreaterThan(0);
    expect(both.length).toBeLessThan(either.length);
    expect(values(both, "Uwagi")).toEqual(new Set(["information"]));
    const dotted = all(
      "include_custom_fields=true&custom_fields[Nr zamówienia v2.0]=ZAM/2025/0417",
    );
    expect(values(dotted.rows, "Nr zamówienia v2.0")).toEqual(new Set(["ZAM/2025/0417"]));
    expect(all("custom_fields.ID=1").count).toBe(sandbox.truth().tickets);
    expect(all("custom_fields[ID=1").count).toBe(sandbox.truth().tickets);
  });

  it('include_custom_fields follows PHP: "false" is true, "0" and "" are false', () => {
    const has = (value: string) =>
      "custom_fields" in firstTicketOf(`limit=1&include_custom_fields=${value}`);
    expect([has("true"), has("1"), has("false"), has("0"), has("")]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect("custom_fields" in firstTicketOf("limit=1")).toBe(false);
  });

  it.each([
    "limit=0",
    "limit=101",
    "limit=ten",
    "offset=-1",
    "date_from=yesterday",
    "date_to=2026-02-30",
    "create_date_from=2026-13-01",
    "date_from=2026-11-23T10:00:00+01:00",
    "date_from[]=2026-01-01",
    "customer_id=abc",
    "order=name,-customer_id,nip",
  ])("answers 400 to %s", (query) => {
    const { status, body } = ask<ErrorBody>(sandbox, `/api/tickets?${query}`);
    expect(status).toBe(400);
    expect(body.errors[0]?.code).toBe(1001);
  });

  it("an unknown parameter is ignored: everything comes back (A15)", () => {
    expect(all("status=1&queue=3").count).toBe(sandbox.truth().tickets);
  });

  it("an offset at or beyond count is an empty page (A6)", () => {
    const { status, body } = ask(sandbox, "/api/tickets?offset=100000");
    expect(status).toBe(200);
    expect(body.result).toEqual([]);
    expect(body.count).toBe(sandbox.truth().tickets);
  });
});

describe("the ticket (§3)", () => {
  const rows: AskedRow[] = [];
  for (let offset = 0; offset < 3000; offset += 100) {
    const path = `/api/tickets?order=create_date&include_custom_fields=true&offset=${offset}`;
    rows.push(...ask(sandbox, path).body.result);
  }

  it("mixes id types as the page does", () => {
    for (const row of rows) {
      expect(row["ticket_id"]).toMatch(/^\d+$/);
      expect(row["status_id"]).toMatch(/^\d$/);
      expect(typeof row["ticket_queue_id"]).toBe("number");
      for (const message of row.messages) expect(typeof message["message_id"]).toBe("number");
    }
    const types = (field: string) => new Set(rows.map((row) => typeof row[field]));
    expect(types("category_id").has("number")).toBe(true);
    expect(types("customer_id").has("number")).toBe(true);
  });

  it('writes no value in three ways: "", null and by leaving the key out', () => {
    const ways = (field: string) =>
      new Set(
        rows
          .filter((row) => row[field] === undefined || row[field] === null || row[field] === "")
          .map((row) => String(row[field])),
      );
    for (const field of ["user_login", "closed_at", "category_id", "substatus_id", "customer_id"]) {
      expect(ways(field)).toEqual(new Set(["", "null", "undefined"]));
    }
    expect(rows.some((row) => row["substatus_id"] === "0")).toBe(true);
  });

  it("writes stamps as minutes without a zone, durations with unbounded hours", () => {
    for (const row of rows) {
      expect(row["created_at"]).toMatch(stampForm);
      expect(row["updated_at"]).toMatch(stampForm);
      if (row["closed_at"]) expect(row["closed_at"]).toMatch(stampForm);
      if (row["close_time"]) expect(row["close_time"]).toMatch(/^\d{2,}:\d{2}:\d{2}$/);
    }
    expect(rows.some((row) => Number(String(row["close_time"] ?? "0").split(":")[0]) > 99)).toBe(
      true,
    );
  });

  it("writes an empty map of custom fields as []", () => {
    const kinds = new Set(rows.map((row) => Array.isArray(row["custom_fields"])));
    expect(kinds).toEqual(new Set([true, false]));
    const empty = rows.filter((row) => Array.isArray(row["custom_fields"]));
    expect(empty.every((row) => (row["custom_fields"] as unknown[]).length === 0)).toBe(true);
  });

  it("writes a map with the keys 0, 1, … as a list", () => {
    const own = createSandbox({ startMs, tickets: 0, changesPerHour: 0 });
    const { ticketId } = own.mutate({ kind: "create", subject: "list" });
    // The catalogue's fields come first unless the ticket has none: find one without.
    const plain = Array.from({ length: 40 }, () => own.mutate({ kind: "create" }).ticketId).find(
      (id) => {
        const row = ask(own, "/api/tickets?include_custom_fields=true").body.result.find(
          (one) => one["ticket_id"] === id,
        );
        return Array.isArray(row?.["custom_fields"]);
      },
    );
    expect(ticketId).toBeDefined();
    own.mutate({ kind: "custom_field", ticketId: Number(plain), name: "0", value: "a" });
    own.mutate({ kind: "custom_field", ticketId: Number(plain), name: "1", value: "b" });
    const row = ask(own, "/api/tickets?include_custom_fields=true").body.result.find(
      (one) => one["ticket_id"] === plain,
    );
    expect(row?.["custom_fields"]).toEqual(["a", "b"]);
  });

  it("has mails, replies, comments, system comments, attachments and ratings of several kinds", () => {
    const messages = rows.flatMap((row) => row.messages);
    expect(new Set(messages.map((message) => message["type"]))).toEqual(
      new Set(["MAIL", "REPLY", "COMMENT"]),
    );
    const notes = messages.map((message) => message["system_comment"]).filter(Boolean);
    expect(notes.every((note) => /^Changed status from \[.+\] to \[.+\]$/.test(String(note)))).toBe(
      true,
    );
    const tokens = messages.flatMap((message) => message["attachments"] as string[]);
    expect(tokens.some((token) => /^\d+$/.test(token))).toBe(true);
    expect(tokens.some((token) => /^\d+e\d+$/.test(token))).toBe(true);
    const ratings = messages.flatMap((message) => message["ratings"] as unknown[]);
    expect(new Set(ratings.map((rating) => typeof rating))).toEqual(
      new Set(["number", "string", "object"]),
    );
  });

  it("has realistic sizes: about 4.5 messages and 4.8 KB of JSON a ticket, Polish, emoji, right-to-left and HTML", () => {
    const bytes = Buffer.byteLength(JSON.stringify(rows)) / rows.length;
    const messages = rows.reduce((sum, row) => sum + row.messages.length, 0) / rows.length;
    expect(messages).toBeGreaterThan(4.2);
    expect(messages).toBeLessThan(5);
    expect(bytes).toBeGreaterThan(4300);
    expect(bytes).toBeLessThan(5300);
    const text = JSON.stringify(rows);
    for (const form of [/[ążźćęłń]/, /\p{Extended_Pictographic}/u, /\p{Script=Arabic}/u, /<div/]) {
      expect(text).toMatch(form);
    }
  });

  it("lists each ticket once under one page order, with ties shuffled between requests (A9)", () => {
    const own = createSandbox({ startMs, tickets: 0, changesPerHour: 0 });
    for (let i = 0; i < 40; i++) own.mutate({ kind: "create" });
    const order = () =>
      ask(own, "/api/tickets?order=update_date,create_date").body.result.map(
        (row) => row["ticket_id"],
      );
    const [first, second] = [order(), order()];
    expect(first).not.toEqual(second);
    expect([...first].sort()).toEqual([...second].sort());
    expect(new Set(first).size).toBe(40);
  });
});

describe("neighbouring endpoints (§6)", () => {
  const truth = [...sandbox.truth().rows()];

  it("GET tickets/:id has an int ticket_id, a string category_id, newest message first, no source, tags and ratings", () => {
    const long = truth.find(
      (row) => (row["messages"] as unknown[]).length > 5 && row["category_id"] !== null,
    );
    const { status, body } = ask<AskedRow>(sandbox, `/api/tickets/${long?.["ticket_id"]}`);
    expect(status).toBe(200);
    expect(body["ticket_id"]).toBe(Number(long?.["ticket_id"]));
    expect(typeof body["category_id"]).toBe("string");
    for (const field of ["source", "tags", "custom_fields"]) expect(body).not.toHaveProperty(field);
    const stamps = body.messages.map((message) => String(message["created_at"]));
    expect(stamps).toEqual([...stamps].sort().reverse());
    expect(body.messages.some((message) => "ratings" in message)).toBe(false);
  });

  it("answers 404 to an id that never was, 410 to a deleted one, 200 to a merged one that the list no longer shows", () => {
    expect(ask(sandbox, "/api/tickets/99").status).toBe(404);
    expect(ask(sandbox, "/api/tickets/999999").status).toBe(404);
    const listed = new Set(truth.map((row) => String(row["ticket_id"])));
    const statuses = Array.from({ length: 3000 }, (_, i) => String(i + 101))
      .filter((id) => !listed.has(id))
      .map((id) => ask(sandbox, `/api/tickets/${id}`).status);
    expect(statuses.filter((status) => status === 410)).toHaveLength(sandbox.truth().deleted);
    expect(statuses.filter((status) => status === 200)).toHaveLength(sandbox.truth().merged);
    expect(sandbox.truth().deleted).toBeGreaterThan(5);
    expect(sandbox.truth().merged).toBeGreaterThan(5);
  });

  it("names statuses, queues and categories", () => {
    const names = (path: string) =>
      ask<{ name: string }[]>(sandbox, path).body.map(({ name }) => name);
    expect(names("/api/ticket_statuses")).toEqual([
      "Nowe",
      "Oczekuje na klienta",
      "Odłożone",
      "Połączone",
      "W realizacji",
      "Zamknięte",
    ]);
    const queue = String(truth[0]?.["ticket_queue_name"]);
    expect(names("/api/ticket_queues")).toContain(queue);
    expect(names("/api/ticket_categories")).toContain("Reklamacja");
  });
});
