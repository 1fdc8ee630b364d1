import { expect, it } from "vitest";
import { encodeQuery, queryOfPageRequest } from "./php-query.ts";

it("writes lists and maps in brackets", () => {
  const query = encodeQuery({
    status_id: [1, 2],
    custom_fields: { ID: ["1", "2"], Uwagi: "zażółć &=" },
  });
  expect(decodeURIComponent(query)).toBe(
    "status_id[]=1&status_id[]=2&custom_fields[ID][]=1&custom_fields[ID][]=2&custom_fields[Uwagi]=zażółć &=",
  );
  expect(query).not.toContain(" ");
});

it("asks for custom fields, an order with ties by the other date, and dates with minutes", () => {
  const query = queryOfPageRequest({
    updated: { from: "2026-11-23 09:30", to: null },
    filter: { statusIds: ["2"], queueId: "32" },
    orderBy: "update_date",
    offset: 0,
    limit: 100,
  });
  expect(decodeURIComponent(query)).toBe(
    "limit=100&offset=0&date_from=2026-11-23 09:30&status_id[]=2&ticket_queue_id=32&order=update_date,create_date&include_custom_fields=true",
  );
});
