import type { Logger } from "@thulium-stream/contracts";
import pino from "pino";
import pretty from "pino-pretty";

/** How a process logs. */
export interface LoggerOptions {
  /** pino's level name. */
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** One coloured line for people instead of JSON for machines. */
  readonly pretty: boolean;
  /** File descriptor: 2, the standard error, by default, so that output stays data. */
  readonly fd?: number;
}

/**
 * A structured logger on pino: JSON lines, ISO instants. Payload text is never given to it; settings that
 * hold secrets are redacted by name all the same.
 */
export function createLogger({ level, pretty: isPretty, fd = 2 }: LoggerOptions): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: undefined as never,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: ["password", "*.password", "authorization", "*.authorization", "token"],
      censor: "[hidden]",
    },
    serializers: { error: pino.stdSerializers.err },
  };
  const stream = isPretty
    ? pretty({
        destination: fd,
        sync: true,
        ignore: "pid,hostname",
        translateTime: "SYS:HH:MM:ss",
        colorize: true,
      })
    : pino.destination({ dest: fd, sync: true });
  return pino(options, stream);
}
