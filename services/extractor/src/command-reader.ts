import {
  type Command,
  command as commandSchema,
  decodeJson,
  type EventLog,
  type Logger,
  type LogRecord,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";

/** A command, and the position from which to go on once it is carried out. */
export interface ReadCommand {
  readonly command: Command;
  readonly next: number;
}

/** Reads what operators ask for from the topic `commands`. */
export class CommandReader {
  readonly #log: EventLog;
  readonly #system: string;
  readonly #logger: Logger;
  /** Everything before it has been looked at by this process. */
  #seenTo = 0;

  constructor(log: EventLog, system: string, logger: Logger) {
    this.#log = log;
    this.#system = system;
    this.#logger = logger;
  }

  /** The commands for this system from a position on. One that cannot be understood is told and passed over. @throws Failure of the log. */
  async read(from: number, signal: AbortSignal): Promise<readonly ReadCommand[]> {
    const ranges = await this.#log.ends("commands");
    const position = Math.max(from, this.#seenTo, ranges[0]?.earliest ?? 0);
    const commands: ReadCommand[] = [];
    const start = [{ topic: "commands", partition: 0, position }];
    for await (const batch of batchesToEnd(this.#log, "commands", {
      ranges,
      from: start,
      signal,
    })) {
      for (const record of batch.records) {
        if (record.key !== this.#system) continue;
        const command = this.#understood(record);
        if (command !== null) commands.push({ command, next: record.position + 1 });
      }
    }
    this.#seenTo = Math.max(position, ranges[0]?.end ?? 0);
    return commands;
  }

  #understood(record: LogRecord): Command | null {
    try {
      return commandSchema.parse(decodeJson(record));
    } catch (error) {
      this.#logger.error(
        { error, position: record.position },
        "a command that is none is passed over",
      );
      return null;
    }
  }
}
