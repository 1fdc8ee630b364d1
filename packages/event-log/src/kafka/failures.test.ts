import { Failure } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { kafkaFailure } from "./failures.ts";

/** An error as kafkajs throws it: a class name, and for the broker's answers a type. */
function foreign(name: string, extra: object = {}): Error {
  return Object.assign(new Error(`${name} happened`), { name, ...extra });
}
const answer = (type: string, retriable = false) =>
  foreign("KafkaJSProtocolError", { type, retriable, code: 1 });

describe("kafkaFailure", () => {
  it.each([
    [answer("INVALID_PRODUCER_EPOCH"), "Fenced"],
    [answer("ILLEGAL_GENERATION"), "Fenced"],
    [answer("OFFSET_OUT_OF_RANGE"), "PositionLost"],
    [answer("MESSAGE_TOO_LARGE"), "TooLarge"],
    [answer("TOPIC_AUTHORIZATION_FAILED"), "Forbidden"],
    [answer("UNKNOWN_TOPIC_OR_PARTITION", true), "Rejected"],
    [answer("NOT_ENOUGH_REPLICAS", true), "Unavailable"],
    [foreign("KafkaJSSASLAuthenticationError"), "Unauthenticated"],
    [foreign("KafkaJSRequestTimeoutError", { retriable: true }), "TimedOut"],
    [foreign("KafkaJSConnectionError", { code: "ECONNREFUSED" }), "Unavailable"],
    [foreign("Error", { code: "ENOTFOUND" }), "Unavailable"],
    [foreign("TypeError"), "Invariant"],
  ] as const)("%s is %s (%#)", (error, code) => {
    const failure = kafkaFailure(error, "appending");
    expect(failure.code).toBe(code);
    expect(failure.message).toBe(`appending: ${error.message}`);
    expect(failure.cause).toBe(error);
  });

  it("finds what happened inside kafkajs's wrappers and aggregates", () => {
    const wrapped = foreign("KafkaJSNonRetriableError", {
      cause: foreign("KafkaJSNumberOfRetriesExceeded", { cause: answer("INVALID_PRODUCER_EPOCH") }),
    });
    expect(kafkaFailure(wrapped, "x").code).toBe("Fenced");
    const several = foreign("KafkaJSAggregateError", { errors: [answer("POLICY_VIOLATION")] });
    expect(kafkaFailure(several, "x").code).toBe("Rejected");
  });

  it("leaves a failure as it is, and gives advice where the operator can act", () => {
    const failure = new Failure("Closed", "closed");
    expect(kafkaFailure(failure, "x")).toBe(failure);
    const refused = foreign("KafkaJSConnectionError", { code: "ECONNREFUSED" });
    expect(kafkaFailure(refused, "x").advice).toMatch(/EVENT_LOG_URL/);
  });
});
