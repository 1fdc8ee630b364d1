import {
  createLogger,
  exitCodes,
  quietVersionNotices,
  runProcess,
  systemClock,
} from "@thulium-stream/runtime";
import { CommanderError } from "commander";
import { program } from "./program.ts";
import { note } from "./terminal/console.ts";

quietVersionNotices();

/** The command `thulium-stream`: parses, runs one command, ends with its exit code. */
const code = await runProcess(
  async (signal) => {
    let result: number = exitCodes.done;
    try {
      await program(signal, (returned) => {
        result = returned;
      }).parseAsync(process.argv);
    } catch (error) {
      // Commander has told already what is wrong; help and version are no errors.
      if (error instanceof CommanderError)
        return error.exitCode === 0 ? exitCodes.done : exitCodes.badUsage;
      throw error;
    }
    return result;
  },
  { logger: createLogger({ level: "error", pretty: false }), clock: systemClock, report: note },
);
// Whatever a library left open must not keep a finished command alive.
process.exit(code);
