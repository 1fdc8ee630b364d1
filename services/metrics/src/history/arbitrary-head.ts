import fc, { type Arbitrary } from "fast-check";

/** Arbitrary fields of a `HeadRun` for tests, out of what each test wants its values to be like. */
export function headFields<Step>(of: {
  readonly text: Arbitrary<string | null>;
  readonly instant: Arbitrary<string>;
  readonly count: Arbitrary<number>;
  readonly number: Arbitrary<number>;
  readonly step: Arbitrary<Step>;
}) {
  const { text, instant, count, number, step } = of;
  return {
    version: count,
    at: instant,
    observed_at: instant,
    through: count,
    last_observed_at: instant,
    is_observation: fc.boolean(),
    deleted: fc.boolean(),
    unlisted: fc.boolean(),
    status_id: text,
    status: text,
    queue_id: text,
    queue: text,
    category: text,
    source: text,
    agent: text,
    priority: text,
    subject: text,
    customer_id: text,
    created_at: fc.option(instant),
    closed_at: fc.option(instant),
    updated_at: fc.option(instant),
    vendor_responded_at: fc.option(instant),
    vendor_first_response_s: fc.option(number),
    vendor_close_s: fc.option(number),
    steps: fc.array(step, { maxLength: 2 }),
  };
}
