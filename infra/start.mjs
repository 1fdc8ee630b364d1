// `npm start`: set-up, then `thulium-stream run` in this very process, so that Ctrl-C reaches it directly.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();
const command = join(root, "packages", "cli", "bin", "thulium-stream.mjs");
process.argv = [process.argv[0], command, "run", ...process.argv.slice(2)];
await import(pathToFileURL(command).href);
