import type { LogRecord } from "@thulium-stream/contracts";
import type { IHeaders, KafkaMessage } from "kafkajs";

/** A record as the port shows it. Whatever a foreign producer wrote is delivered, never refused (L8). */
export function logRecordOf(topic: string, partition: number, message: KafkaMessage): LogRecord {
  return {
    topic,
    partition,
    position: Number(message.offset),
    key: message.key === null ? null : message.key.toString("utf8"),
    value: message.value,
    headers: headersOf(message.headers),
    appendedAtMs: Number(message.timestamp),
  };
}

/** Header values as text; of a name that occurs more than once the last counts. */
function headersOf(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => {
      const last = Array.isArray(value) ? value[value.length - 1] : value;
      return [name, last === undefined || last === null ? "" : last.toString()];
    }),
  );
}
