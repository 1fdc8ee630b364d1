import { logLevel } from "kafkajs";
import { describe, expect, it } from "vitest";
import { kafkaLogCreator, levelOf } from "./kafka-logger.ts";

describe("the level of a kafkajs line", () => {
  it.each([
    "The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing",
    "The group is rebalancing, re-joining",
    "Response AddPartitionsToTxn(key: 24, version: 1)",
    "Connection error: connect ECONNREFUSED 127.0.0.1:9092",
  ])("is debug for what belongs to ordinary life: %s", (message) => {
    expect(levelOf(logLevel.ERROR, message)).toBe("debug");
  });

  it("is a warning for other errors and warnings, and debug for the rest", () => {
    expect(levelOf(logLevel.ERROR, "Failed to parse the response")).toBe("warn");
    expect(levelOf(logLevel.WARN, "KafkaJS is deprecated")).toBe("warn");
    expect(levelOf(logLevel.INFO, "Consumer has joined the group")).toBe("debug");
  });

  it("passes named fields only", () => {
    const lines: object[] = [];
    const keep = (fields: object) => lines.push(fields);
    const logger = { debug: keep, info: keep, warn: keep, error: keep };
    kafkaLogCreator(logger)(logLevel.INFO)({
      namespace: "Producer",
      level: logLevel.WARN,
      label: "WARN",
      log: { timestamp: "", message: "m", groupId: "g", error: new Error("e"), payload: "secret" },
    });
    expect(lines).toEqual([
      expect.objectContaining({ kafka: "Producer", groupId: "g", error: "e" }),
    ]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });
});
