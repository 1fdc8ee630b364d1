// `npm run chaos`: set-up, then kills of processes and of the broker; arguments go to it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

setUp();
const { status } = spawnSync(
  process.execPath,
  [join(root, "test", "scenarios", "dist", "chaos.js"), ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
