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
  const texts: Record<string, string> = {};
  if (headers === undefined) return texts;
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    const last = Array.isArray(value) ? value[value.length - 1] : value;
    texts[name] = last === undefined || last === null ? "" : last.toString();
  }
  return texts;
}
