import { expect, it } from "vitest";
import { backfillRequest, wordsOfRequest } from "./backfill-range.ts";

const request = (options: Partial<Parameters<typeof backfillRequest>[0]>) =>
  backfillRequest({ queue: [], estimate: false, ...options });

it("reads whole days, single minutes and open ends", () => {
  expect(request({ from: "2024-02-29", to: "2024-03-01" })).toMatchObject({
    created_from: "2024-02-29 00:00",
    created_to: "2024-03-01 23:59",
  });
  expect(request({ from: "2024-02-29 08:15" })).toMatchObject({
    created_from: "2024-02-29 08:15",
    created_to: null,
  });
  expect(wordsOfRequest(request({}))).toBe("all tickets");
  expect(wordsOfRequest(request({ from: "2024-02-29", queue: ["4", "5", "4"] }))).toBe(
    "2024-02-29 00:00 to now, queues 4, 5",
  );
});

it.each([
  [{ from: "2025-02-29" }, '--from "2025-02-29" must be a day'],
  [{ to: "yesterday" }, '--to "yesterday" must be a day'],
  [{ to: "2025-01-01 24:00" }, '--to "2025-01-01 24:00"'],
  [{ from: "2025-03-01", to: "2025-02-01" }, "--from 2025-03-01 lies after --to 2025-02-01"],
  [{ queue: ["sprzedaż"] }, '--queue "sprzedaż" must be the number of a queue'],
])("refuses %o", (options, message) => {
  expect(() => request(options)).toThrow(message);
});
