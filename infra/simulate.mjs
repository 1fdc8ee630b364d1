// `npm run simulate` and `npm run simulate:mutants`: set-up, then the simulation of the extractor; further arguments go to it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

setUp();
const args = process.argv.slice(2);
const script = args[0] === "--mutants" ? "mutate.js" : "main.js";
const rest = args.filter((arg) => arg !== "--mutants");
const { status } = spawnSync(
  process.execPath,
  [join(root, "test", "simulation", "dist", script), ...rest],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
