import { expect, it } from "vitest";
import { subjectOf } from "./erase-subject.ts";

it("takes a customer or a ticket as the API writes them", () => {
  expect(subjectOf({ ticket: "1001" })).toEqual({ subject: "ticket", id: "1001" });
  expect(subjectOf({ customer: "CRM-7 b" })).toEqual({ subject: "customer", id: "CRM-7 b" });
});

it.each([
  [{}, "say one of --customer ID and --ticket ID"],
  [{ customer: "1", ticket: "2" }, "say one of"],
  [{ ticket: "01" }, '--ticket "01" must be the number'],
  [{ ticket: "#12" }, '--ticket "#12" must be the number'],
  [{ ticket: "" }, '--ticket "" must be the number'],
  [{ customer: "" }, '--customer "" must be the customer'],
  [{ customer: " 12" }, '--customer " 12"'],
  [{ customer: "a\nb" }, '--customer "a\\nb"'],
])("refuses %o", (options, message) => {
  expect(() => subjectOf(options)).toThrow(message);
});
