import {
  ErasureRecords,
  type ErasureState,
  type EventLog,
  isErasureNews,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "./read-to-end.ts";

const topic = "extractor-state";

/** Follows what was erased, for services that hold copies of the log. Knows hashes only. */
export class ErasureFollower {
  readonly #log: EventLog;
  readonly #records: ErasureRecords;
  #position = 0;

  constructor(log: EventLog, system: string) {
    this.#log = log;
    this.#records = new ErasureRecords(system);
  }

  /** What was erased, as of the last refresh. */
  get records(): ErasureRecords {
    return this.#records;
  }

  /** Reads what is new; costs one look at the topic's end when nothing is. Returns whether anything about erasures was. @throws Failure of the log. */
  async refresh(signal?: AbortSignal): Promise<boolean> {
    const ranges = await this.#log.ends(topic);
    const [range] = ranges;
    if (range === undefined) return false;
    // A log that begins later or ends earlier than it did is another one.
    if (this.#position > range.end) this.#position = range.earliest;
    const from = [{ topic, partition: 0, position: Math.max(range.earliest, this.#position) }];
    const stop = signal === undefined ? {} : { signal };
    let isNew = false;
    for await (const batch of batchesToEnd(this.#log, topic, { ranges, from, ...stop })) {
      for (const record of batch.records) isNew = this.#records.take(record) || isNew;
      this.#position = batch.nextPosition;
    }
    return isNew;
  }

  /**
   * Whether a topic holds events of what was erased between these positions (by partition; what is missing counts as its beginning) and the ends that the
   * erasure recorded: whoever has come only so far may still take some over. @throws Failure of the log.
   */
  async hasErasedAhead(
    eventTopic: string,
    positions: Readonly<Record<string, number>>,
    { log_ends: ends }: Pick<ErasureState, "log_ends">,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const held = await this.#log.ends(eventTopic);
    const ranges = held.map((range) => ({
      ...range,
      end: Math.min(range.end, ends?.[eventTopic]?.[range.partition] ?? range.end),
    }));
    const from = ranges.map(({ partition, earliest }) => ({
      topic: eventTopic,
      partition,
      position: Math.max(earliest, positions[partition] ?? 0),
    }));
    const { list } = this.#records;
    const stop = signal === undefined ? {} : { signal };
    for await (const { records } of batchesToEnd(this.#log, eventTopic, { ranges, from, ...stop }))
      if (records.some((record) => !isErasureNews(record) && list.erasureOfRecord(record) !== null))
        return true;
    return false;
  }
}
