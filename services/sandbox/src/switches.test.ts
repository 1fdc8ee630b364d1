import { isFailure } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import {
  type AskedPage,
  type AskedRow,
  ask,
  basicAuthorisation,
  createSandbox,
  parseSwitches,
  type SwitchSettings,
  switchTable,
} from "./index.ts";

const startMs = Date.parse("2026-11-23T09:00:00.000Z");
const authorization = basicAuthorisation("sandbox", "sandbox");

/** A small sandbox with these switches. */
function withSwitches(switches: string | SwitchSettings, tickets = 300) {
  return createSandbox({ startMs, tickets, historyDays: 60, seed: "switches", switches });
}

/** Statuses of `count` list requests of one row. */
function statusesOf(sandbox: ReturnType<typeof withSwitches>, count: number, query = "limit=1") {
  return Array.from(
    { length: count },
    () => sandbox.handle("GET", `/api/tickets?${query}`, { authorization }).status,
  );
}

const statusOf = (switches: SwitchSettings, query: string) =>
  statusesOf(withSwitches(switches, 20), 1, query)[0];

describe("settings of switches", () => {
  it("are read from name=value text, from JSON and from an object alike", () => {
    const expected = parseSwitches({ ties: "stable", bad_limit: 500, new_field: true });
    expect(parseSwitches("ties=stable, bad_limit=500,new_field=on")).toEqual(expected);
    expect(parseSwitches('{"ties":"stable","bad_limit":500,"new_field":true}')).toEqual(expected);
    expect(expected.ties).toBe("stable");
    expect(parseSwitches("").ties).toBe("shuffled");
  });

  it.each([
    ["tie=stable", /unknown tie \(known: tz, .*ties/],
    ["ties=random", /ties: .*"shuffled"\|"stable" \(got "random"\)/],
    ["bounds=open,touch_on=never", /bounds: .*right_open.*; touch_on: .*no_close/],
    ["fail=often", /fail: must be off, <n>%/],
    ["fail=120%", /fail: must be off/],
    ["rate_limit=fast", /rate_limit: must be off or a number of requests/],
    ["big_ticket=5", /big_ticket: must be off or <every>x<megabytes>/],
    ["ties", /"ties" is not name=value/],
    ["{ties", /no valid JSON/],
  ])("%s fails with InvalidSettings that names it and what is allowed", (settings, message) => {
    try {
      parseSwitches(settings);
      expect.unreachable();
    } catch (error) {
      expect(isFailure(error, "InvalidSettings")).toBe(true);
      expect((error as Error).message).toMatch(message);
    }
  });

  it("an unknown zone fails with InvalidSettings", () => {
    expect(() => withSwitches("tz=Europe/Warszawa")).toThrow(/IANA/);
  });

  it("are all described, each word accepted, the default first", () => {
    expect(switchTable.length).toBeGreaterThan(35);
    for (const { name, default: byDefault, about, values } of switchTable) {
      expect(about).not.toBe("");
      if (values.length > 0) expect(values[0]).toBe(byDefault);
      for (const value of values) expect(() => parseSwitches({ [name]: value })).not.toThrow();
      expect(() => parseSwitches({ [name]: byDefault })).not.toThrow();
    }
  });

  it("of form and faults change while the sandbox lives; those that shape the population do not", () => {
    const sandbox = withSwitches("past_end=404");
    sandbox.setSwitches("fail=100%");
    expect(statusesOf(sandbox, 1)).toEqual([500]);
    sandbox.setSwitches({ fail: "off" });
    expect(statusesOf(sandbox, 1)).toEqual([200]);
    expect(statusesOf(sandbox, 1, "offset=9999")).toEqual([404]);
    expect(() => sandbox.setSwitches("touch_on=no_close")).toThrow(/touch_on shapes/);
    expect(() => sandbox.setSwitches("tz=UTC")).toThrow(/tz shapes/);
  });
});

describe("switches of time and bounds", () => {
  it("tz moves every stamp (A1)", () => {
    const created = (tz: string) =>
      ask(withSwitches({ tz }), "/api/tickets?limit=1&order=create_date").body.result[0]?.[
        "created_at"
      ];
    const [warsaw, utc] = [String(created("Europe/Warsaw")), String(created("UTC"))];
    const hoursOff = (Date.parse(`${warsaw}Z`) - Date.parse(`${utc}Z`)) / 3_600_000;
    expect([1, 2]).toContain(hoursOff);
  });

  it("stamps=seconds shows them, random shows some", () => {
    const forms = (stamps: string) =>
      new Set(
        ask(withSwitches({ stamps }), "/api/tickets").body.result.map(
          (row) => String(row["updated_at"]).length,
        ),
      );
    expect(forms("minute")).toEqual(new Set([16]));
    expect(forms("seconds")).toEqual(new Set([19]));
    expect(forms("random")).toEqual(new Set([16, 19]));
  });

  it("bounds and cmp decide about the minute itself (A3, A4b)", () => {
    const counts = (switches: SwitchSettings) => {
      const sandbox = createSandbox({
        startMs: startMs + 90_000,
        tickets: 0,
        changesPerHour: 0,
        switches,
      });
      for (const second of [-1, 0, 30, 60, 89]) {
        sandbox.mutate({ kind: "create", at: startMs + second * 1000 });
      }
      const count = (query: string) => ask(sandbox, `/api/tickets?${query}`).body.count;
      const minute = "2026-11-23 10:00";
      return [
        count(`date_from=${minute}`),
        count(`date_to=${minute}`),
        count(`create_date_from=${minute}&create_date_to=${minute}`),
      ];
    };
    expect(counts({})).toEqual([4, 2, 1]);
    expect(counts({ bounds: "right_open" })).toEqual([4, 1, 0]);
    expect(counts({ bounds: "left_open" })).toEqual([3, 2, 0]);
    expect(counts({ cmp: "minute" })).toEqual([4, 3, 2]);
    expect(counts({ cmp: "minute", bounds: "right_open" })).toEqual([4, 1, 0]);
    expect(counts({ cmp: "minute", bounds: "left_open" })).toEqual([2, 3, 0]);
  });

  it("date_only_to is that day's start or its end (A4)", () => {
    const count = (date_only_to: string) =>
      ask(withSwitches({ date_only_to }), "/api/tickets?create_date_to=2026-10-30").body.count;
    const until = (text: string) =>
      ask(withSwitches({}), `/api/tickets?create_date_to=${text}`).body.count;
    expect(count("midnight")).toBe(until("2026-10-30 00:00:00"));
    expect(count("end_of_day")).toBe(until("2026-10-30 23:59:59"));
    expect(count("end_of_day")).toBeGreaterThan(count("midnight"));
  });
});

describe("switches of refusals", () => {
  it.each<[SwitchSettings, string, number]>([
    [{ bad_limit: "400" }, "limit=500", 400],
    [{ bad_limit: "clamp" }, "limit=500", 200],
    [{ bad_limit: "500" }, "limit=500", 500],
    [{ past_end: "404" }, "offset=20", 404],
    [{ max_offset: 10 }, "offset=11", 500],
    [{ max_offset: 10 }, "offset=10", 200],
    [{ max_offset: 10, max_offset_answer: "504" }, "offset=11", 504],
    [{ max_offset: 10, max_offset_answer: "empty" }, "offset=11", 200],
    [{ bad_order: "ignore" }, "order=name", 200],
    [{ bad_order: "500" }, "order=name", 500],
    [{ scalar_status: "400" }, "status_id=1", 400],
    [{ scalar_status: "filter" }, "status_id=1", 200],
    [{ scalar_status: "ignore" }, "status_id=1", 200],
    [{ unknown_ref: "400" }, "ticket_queue_id=77", 400],
    [{ unknown_ref: "404" }, "user_login=nobody", 404],
    [{ unknown_ref: "400" }, "status_id[]=77", 400],
    [{ unknown_param: "400" }, "status=1", 400],
    [{ forbidden: "tickets" }, "", 403],
    [{ forbidden: "ticket" }, "", 200],
  ])("%o makes %s answer %i", (switches, query, status) => {
    expect(statusOf(switches, query)).toBe(status);
  });

  it("clamps, filters and ignores as said", () => {
    const rows = (switches: SwitchSettings, query: string) =>
      ask(withSwitches(switches), `/api/tickets?${query}`).body;
    expect(rows({ bad_limit: "clamp" }, "limit=500").result).toHaveLength(100);
    expect(rows({ bad_limit: "clamp" }, "limit=0").result).toHaveLength(1);
    const filtered = rows({ scalar_status: "filter" }, "status_id=6");
    expect(new Set(filtered.result.map((row) => row["status_id"]))).toEqual(new Set(["6"]));
    const all = rows({}, "").count;
    expect(rows({ scalar_status: "ignore" }, "status_id=6").count).toBe(all);
    expect(rows({ max_offset: 10, max_offset_answer: "empty" }, "offset=11").result).toEqual([]);
    const stamps = rows({ bad_order: "ignore" }, "order=name").result.map((row) =>
      String(row["updated_at"]),
    );
    expect(stamps).toEqual([...stamps].sort().reverse());
  });

  it("forbidden=ticket refuses tickets/:id alone, all refuses everything", () => {
    const status = (forbidden: string, path: string) =>
      ask<unknown>(withSwitches({ forbidden }, 20), path).status;
    expect(status("ticket", "/api/tickets/105")).toBe(403);
    expect(status("all", "/api/ticket_queues")).toBe(403);
    expect(status("none", "/api/ticket_queues")).toBe(200);
  });

  it("deleted=404 hides that there ever was a ticket (A21)", () => {
    const status = (deleted: string) => {
      const sandbox = withSwitches({ deleted }, 20);
      const ticketId = Number(ask(sandbox, "/api/tickets").body.result[0]?.["ticket_id"]);
      sandbox.mutate({ kind: "delete", ticketId });
      return ask(sandbox, `/api/tickets/${ticketId}`).status;
    };
    expect([status("410"), status("404")]).toEqual([410, 404]);
  });

  it("html_errors sends a proxy's page (A26)", () => {
    const sandbox = withSwitches("html_errors=on", 5);
    const answer = sandbox.handle("GET", "/api/tickets?limit=0", { authorization });
    expect(answer.status).toBe(400);
    expect(answer.headers["content-type"]).toMatch(/^text\/html/);
    expect(answer.body).toMatch(/^<html>/);
  });
});

describe("switches of faults", () => {
  it("rate_limit refuses what is too much in one second and says how long in both forms (A27)", () => {
    const at = (switches: SwitchSettings) => {
      const sandbox = withSwitches({ rate_limit: 3, ...switches }, 5);
      return [0, 100, 200, 300, 999, 1000, 1050].map((ms) => {
        const context = { receivedAtMs: startMs + ms };
        return sandbox.handle("GET", "/api/tickets", { authorization }, context);
      });
    };
    expect(at({}).map(({ status }) => status)).toEqual([200, 200, 200, 429, 429, 200, 429]);
    expect(at({})[3]?.headers["retry-after"]).toBe("1");
    expect(at({ retry_after: "date" })[3]?.headers["retry-after"]).toBe(
      "Mon, 23 Nov 2026 09:00:02 GMT",
    );
    expect(at({ retry_after: "off" })[3]?.headers).not.toHaveProperty("retry-after");
    expect(at({ limit_status: 503 })[3]?.status).toBe(503);
  });

  it("fail strikes a share of requests, a request by number, a ticket or a window (A28)", () => {
    const share = statusesOf(withSwitches("fail=20%"), 500).filter((status) => status === 500);
    expect(share.length).toBeGreaterThan(60);
    expect(share.length).toBeLessThan(140);
    expect(statusesOf(withSwitches("fail=#2+4,fail_status=503"), 5)).toEqual([
      200, 503, 200, 503, 200,
    ]);
    const sandbox = withSwitches("fail=ticket:150");
    expect(ask<unknown>(sandbox, "/api/tickets/150").status).toBe(500);
    expect(ask<unknown>(sandbox, "/api/tickets/151").status).toBe(200);
    const failing = Array.from({ length: 10 }, (_, i) =>
      statusesOf(sandbox, 1, `order=create_date&limit=30&offset=${i * 30}`),
    ).flat();
    expect(failing.filter((status) => status === 500)).toHaveLength(1);
    const window = withSwitches("fail=window:2026-10-30..2026-10-30 12:00");
    const from = (date: string) =>
      statusesOf(window, 1, `create_date_from=${date}&order=create_date&limit=5`);
    expect(from("2026-10-30 00:00")).toEqual([500]);
    expect(from("2026-10-30 12:01")).toEqual([200]);
  });

  it("fail_status=reset cuts the connection", () => {
    const sandbox = withSwitches("fail=100%,fail_status=reset", 5);
    expect(sandbox.handle("GET", "/api/tickets", { authorization }).reset).toBe(true);
  });

  it("malformed is broken JSON with 200 (A30)", () => {
    const sandbox = withSwitches("malformed=#1");
    const path = "/api/tickets?limit=3";
    const { status, body } = sandbox.handle("GET", path, { authorization });
    expect(status).toBe(200);
    expect(() => JSON.parse(String(body))).toThrow(SyntaxError);
    expect(ask(sandbox, path).body.result).toHaveLength(3);
  });

  it("malformed breaks even the shortest answer", () => {
    const sandbox = withSwitches("malformed=100%", 0);
    const { body } = sandbox.handle("GET", "/api/tickets", { authorization });
    expect(() => JSON.parse(String(body))).toThrow(SyntaxError);
  });

  it("envelope is a 200 of another shape (A31)", () => {
    const body = (envelope_form: string) => {
      const sandbox = withSwitches({ envelope: "#1", envelope_form }, 5);
      const answer = sandbox.handle("GET", "/api/tickets", { authorization });
      expect(answer.status).toBe(200);
      expect(ask(sandbox, "/api/tickets").body.result).toHaveLength(5);
      return String(answer.body);
    };
    expect(JSON.parse(body("null_result"))).toEqual({ count: 5, result: null });
    expect(JSON.parse(body("no_result"))).toEqual({ count: 5 });
    expect(JSON.parse(body("object_result"))).toEqual({ count: 5, result: {} });
    expect(JSON.parse(body("bare_list"))).toHaveLength(5);
    expect(body("html")).toMatch(/^<html>/);
  });

  it("slow holds an answer back", () => {
    const delay = (switches: string) =>
      withSwitches(switches, 5).handle("GET", "/api/tickets", { authorization }).delayMs;
    expect(delay("slow=100%")).toBe(30_000);
    expect(delay("slow=100%,slow_ms=250")).toBe(250);
    expect(delay("slow=ticket:104,slow_ms=250")).toBe(250);
    expect(delay("slow=ticket:999")).toBe(0);
  });

  it("count=racy differs from the rows by a few (A22)", () => {
    const sandbox = withSwitches("count=racy", 50);
    const counts = Array.from({ length: 40 }, () => ask(sandbox, "/api/tickets").body.count);
    expect(new Set(counts).size).toBeGreaterThan(4);
    const { tickets } = sandbox.truth();
    expect(counts.every((count) => Math.abs(count - tickets) <= 3)).toBe(true);
  });
});

describe("switches of form", () => {
  const page = (switches: SwitchSettings, query = "include_custom_fields=true") =>
    ask(withSwitches(switches), `/api/tickets?${query}`).body;
  const types = (rows: readonly AskedRow[], field: string) =>
    new Set(rows.map((row) => typeof row[field]));

  it("id_types (A23)", () => {
    const fields = ["ticket_id", "ticket_queue_id", "status_id"];
    const shown = (id_types: string) =>
      fields.map((field) => [...types(page({ id_types }).result, field)].sort().join("|"));
    expect(shown("as_doc")).toEqual(["string", "number", "string"]);
    expect(shown("all_int")).toEqual(["number", "number", "number"]);
    expect(shown("all_string")).toEqual(["string", "string", "string"]);
    expect(shown("random")).toEqual(["number|string", "number|string", "number|string"]);
  });

  it("no_value", () => {
    const ways = (no_value: string) => {
      const sandbox = withSwitches({ no_value });
      const open = ask(sandbox, "/api/tickets?status_id[]=2&status_id[]=1").body.result;
      return new Set(open.map((row) => String(row["closed_at"])));
    };
    expect(ways("null")).toEqual(new Set(["null"]));
    expect(ways("empty")).toEqual(new Set([""]));
    expect(ways("absent")).toEqual(new Set(["undefined"]));
    expect(ways("mixed")).toEqual(new Set(["null", "", "undefined"]));
  });

  it("no_value=mixed stays with a ticket, random changes with the request", () => {
    const same = (no_value: string) => {
      const sandbox = withSwitches({ no_value, ties: "stable" }, 60);
      const text = () => JSON.stringify(ask<AskedPage>(sandbox, "/api/tickets").body);
      const first = text();
      return first === text();
    };
    expect(same("mixed")).toBe(true);
    expect(same("random")).toBe(false);
  });

  it("ties=stable gives one order (A9)", () => {
    const orders = (ties: string) => {
      const sandbox = createSandbox({ startMs, tickets: 0, changesPerHour: 0, switches: { ties } });
      for (let i = 0; i < 250; i++) sandbox.mutate({ kind: "create" });
      const ids = (offset: number) =>
        ask(sandbox, `/api/tickets?order=-update_date&offset=${offset}`).body.result.map(
          (row) => row["ticket_id"],
        );
      return { read: [...ids(0), ...ids(100), ...ids(200)], again: ids(0) };
    };
    const stable = orders("stable");
    expect(stable.again).toEqual(stable.read.slice(0, 100));
    expect(new Set(stable.read).size).toBe(250);
    const shuffled = orders("shuffled");
    expect(shuffled.again).not.toEqual(shuffled.read.slice(0, 100));
    expect(new Set(shuffled.read).size).toBeLessThan(250);
  });

  it("message_order", () => {
    const orders = (message_order: string) =>
      page({ message_order })
        .result.filter((row) => row.messages.length > 3)
        .map((row) => row.messages.map((message) => String(message["created_at"])));
    const ascending = (stamps: string[]) => stamps.join() === [...stamps].sort().join();
    expect(orders("oldest_first").every(ascending)).toBe(true);
    expect(orders("newest_first").every((stamps) => ascending([...stamps].reverse()))).toBe(true);
    expect(orders("shuffled").some((stamps) => !ascending(stamps))).toBe(true);
  });

  it("new_field adds one that nobody knows", () => {
    expect(page({ new_field: "on" }).result[0]).toHaveProperty("sla_policy");
    expect(page({}).result[0]).not.toHaveProperty("sla_policy");
  });

  it("json=php escapes as PHP does and means the same", () => {
    const text = (json: string) =>
      String(
        withSwitches({ json, ties: "stable" }, 40).handle("GET", "/api/tickets", { authorization })
          .body,
      );
    expect(text("php")).toMatch(/\\u0142/);
    expect(text("php")).toMatch(/<\\\/p>/);
    expect(/[^\u0020-\u007e]/.test(text("php"))).toBe(false);
    expect(JSON.parse(text("php"))).toEqual(JSON.parse(text("plain")));
  });

  it("big_ticket and max_page_mb make pages that only a smaller limit can pass (A25)", () => {
    const sandbox = withSwitches("big_ticket=10x0.2,max_page_mb=0.5", 60);
    const status = (limit: number) =>
      ask<unknown>(sandbox, `/api/tickets?order=create_date&limit=${limit}`).status;
    expect([status(60), status(10), status(1)]).toEqual([500, 200, 200]);
    const { result } = ask(sandbox, "/api/tickets?order=create_date&limit=10").body;
    const sizes = result.map((row) => JSON.stringify(row).length);
    expect(sizes.filter((size) => size > 200_000)).toHaveLength(1);
  });
});

describe("switches of what happens", () => {
  const closed = (switches: SwitchSettings) => {
    const sandbox = createSandbox({ startMs, tickets: 0, changesPerHour: 0, switches });
    const ticketId = Number(sandbox.mutate({ kind: "create" }).ticketId);
    const later = (hours: number) => sandbox.advance(hours * 3_600_000);
    const row = () => ask(sandbox, "/api/tickets").body.result[0];
    return { sandbox, ticketId, later, row };
  };

  it("touch_on decides what moves updated_at (A8)", () => {
    const moves = (touch_on: string) => {
      const { sandbox, ticketId, later, row } = closed({ touch_on });
      return [
        { kind: "reply", ticketId } as const,
        { kind: "tag", ticketId, tag: "pilne" } as const,
        { kind: "rate", ticketId, value: 5 } as const,
        { kind: "custom_field", ticketId, name: "Uwagi", value: "x" } as const,
        { kind: "close", ticketId } as const,
        { kind: "touch", ticketId } as const,
      ].map((mutation) => {
        later(1);
        const before = row()?.["updated_at"];
        expect(sandbox.mutate(mutation).changed).toBe(true);
        return row()?.["updated_at"] !== before;
      });
    };
    expect(moves("all")).toEqual([true, true, true, true, true, true]);
    expect(moves("no_close")).toEqual([true, true, true, true, false, true]);
    expect(moves("messages_only")).toEqual([true, false, false, false, false, true]);
  });

  it("on_reopen clears or keeps closed_at (A20), durations say what close_time measures (A19)", () => {
    const shown = (switches: SwitchSettings, reopens: boolean) => {
      const { sandbox, ticketId, later, row } = closed({ no_value: "null", ...switches });
      later(30);
      sandbox.mutate({ kind: "close", ticketId });
      later(2);
      sandbox.mutate({ kind: "reopen", ticketId });
      later(3);
      if (!reopens) sandbox.mutate({ kind: "close", ticketId });
      return [row()?.["closed_at"], row()?.["close_time"]];
    };
    expect(shown({}, true)).toEqual([null, null]);
    expect(shown({ on_reopen: "keep" }, true)).toEqual(["2026-11-24 16:00", "30:00:00"]);
    expect(shown({}, false)).toEqual(["2026-11-24 21:00", "35:00:00"]);
    expect(shown({ durations: "last_close" }, false)[1]).toBe("03:00:00");
    // Monday 10:00–16:00 and Tuesday 08:00–16:00.
    expect(shown({ durations: "business" }, false)[1]).toBe("14:00:00");
  });

  it("merged and merged_messages decide what is left of a merged ticket (A21)", () => {
    const merged = (switches: SwitchSettings) => {
      const sandbox = createSandbox({ startMs, tickets: 0, changesPerHour: 0, switches });
      const [a, b] = [0, 1].map(() => Number(sandbox.mutate({ kind: "create" }).ticketId));
      sandbox.mutate({ kind: "reply", ticketId: a as number });
      sandbox.advance(60_000);
      sandbox.mutate({ kind: "merge", ticketId: a as number, into: b as number });
      const { result } = ask(sandbox, "/api/tickets?order=create_date").body;
      const of = (id: number | undefined) => result.find((row) => row["ticket_id"] === String(id));
      expect(ask(sandbox, `/api/tickets/${a}`).status).toBe(200);
      expect(sandbox.truth().tickets).toBe(result.length);
      expect(sandbox.truth().messages).toBe(
        result.reduce((sum, row) => sum + row.messages.length, 0),
      );
      expect(of(b)?.["updated_at"]).toBe("2026-11-23 10:01");
      return [of(a)?.["full_status_name"], of(a)?.messages.length, of(b)?.messages.length];
    };
    expect(merged({})).toEqual([undefined, undefined, 3]);
    expect(merged({ merged: "listed" })).toEqual(["Połączone", 0, 3]);
    expect(merged({ merged_messages: "stay" })).toEqual([undefined, undefined, 1]);
    expect(merged({ merged: "listed", merged_messages: "stay" })).toEqual(["Połączone", 2, 1]);
  });
});
