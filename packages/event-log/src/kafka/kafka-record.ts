import type { LogRecord } from "@thulium-stream/contracts";
import type { IHeaders, KafkaMessage } from "kafkajs";
import { HeaderTexts, type RawHeaders } from "./header-texts.ts";

/** A record as kafkajs decodes it here (see `patches/`): numbers as numbers, headers still as bytes. Its type does not say so. */
interface RawRecord extends RawHeaders {
  readonly position: number;
  readonly appendedAtMs: number;
}

/** Records as the port shows them. Whatever a foreign producer wrote is delivered, never refused (L8). */
export function logRecordsOf(
  topic: string,
  partition: number,
  messages: readonly KafkaMessage[],
): LogRecord[] {
  const texts = new HeaderTexts();
  return messages.map((message) => {
    const { key, value } = message;
    const raw = isRaw(message) ? message : null;
    return {
      topic,
      partition,
      position: raw?.position ?? Number(message.offset),
      key: key === null ? null : key.toString("utf8"),
      value,
      headers: raw === null ? headersOf(message.headers) : texts.read(raw),
      appendedAtMs: raw?.appendedAtMs ?? Number(message.timestamp),
    };
  });
}

function isRaw(message: KafkaMessage | RawRecord): message is KafkaMessage & RawRecord {
  return "headersAt" in message;
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
