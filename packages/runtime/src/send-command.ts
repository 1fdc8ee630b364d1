import { type Command, type EventLog, encodeJson } from "@thulium-stream/contracts";
import { newId } from "./random.ts";

/** Tells the extractor something through the topic `commands`, wherever it runs. Resolves when the command is durable; a stopped extractor finds it at its next start. */
export async function sendCommand(log: EventLog, command: Command): Promise<void> {
  const writer = await log.openWriter(`commands.${newId()}`);
  try {
    await writer.append([{ topic: "commands", key: command.system, value: encodeJson(command) }]);
  } finally {
    await writer.close();
  }
}
