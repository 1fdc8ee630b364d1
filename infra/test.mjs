// `npm test`: format and lint, types, then the suites. Ends with the totals as `N passed, N failed`.
// `--only unit|simulation|integration|scenarios|spark` runs one suite, the last only so; further arguments go to vitest.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

const results = join(root, "test-results");
const limitMs = 30 * 60_000;
const suites = ["unit", "simulation", "integration", "scenarios"];
/** Takes minutes and 900 MB: only when it is named. */
const named = ["spark"];
/** These share nothing, so every core takes part; the others share real servers. */
const parallel = ["unit", "simulation"];

const { only, rest } = options(process.argv.slice(2));
setUp();
rmSync(results, { recursive: true, force: true });
mkdirSync(results);

const totals = { passed: 0, failed: 0 };
const skipped = [];
if (only === undefined)
  await check("format and lint", join("@biomejs", "biome", "bin", "biome"), [
    "check",
    "--error-on-warnings",
    ".",
  ]);
count("types", true); // setUp() has just built everything or ended the process.
for (const suite of only === undefined ? suites : [only]) await runSuite(suite);

if (skipped.length > 0) console.log(`\nNot run on this machine:\n${skipped.join("\n")}`);
const line = `${totals.passed} passed, ${totals.failed} failed`;
writeFileSync(join(results, "totals.txt"), `${line}\n`);
console.log(`\n${line}`);
process.exitCode = totals.failed === 0 ? 0 : 1;

async function check(name, script, args) {
  console.log(`\n── ${name}`);
  count(name, (await node(script, args)) === 0);
}

async function runSuite(suite) {
  console.log(`\n── ${suite}`);
  const file = join(results, `${suite}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const code = await node(join("vitest", "vitest.mjs"), [
    "run",
    "--project",
    suite,
    ...reporters,
    ...(parallel.includes(suite) ? [`--maxWorkers=${availableParallelism()}`] : []),
    ...rest,
  ]);
  const report = readReport(file);
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests;
  for (const { assertionResults } of report.testResults)
    for (const { status, fullName } of assertionResults)
      if (status === "pending" || status === "skipped") skipped.push(`  ${suite}: ${fullName}`);
  // A suite that could not even be loaded, or whose servers are missing, fails without a failed test.
  if (code !== 0 && report.numFailedTests === 0) count(`${suite} (exit ${code})`, false);
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}

function count(name, passed) {
  totals[passed ? "passed" : "failed"] += 1;
  console.log(`${passed ? "✓" : "✗"} ${name}`);
}

/** Runs a script of node_modules; a run over the limit is killed and failed. */
function node(script, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, "node_modules", script), ...args], {
      cwd: root,
      stdio: "inherit",
    });
    const timer = setTimeout(() => {
      console.error(`Ended after ${limitMs / 60_000} minutes.`);
      child.kill("SIGKILL");
    }, limitMs);
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}

function options(args) {
  const at = args.indexOf("--only");
  if (at < 0) return { only: undefined, rest: args };
  const only = args[at + 1];
  if (![...suites, ...named].includes(only)) {
    console.error(`--only ${only}: must be one of ${[...suites, ...named].join(", ")}`);
    process.exit(2);
  }
  return { only, rest: args.toSpliced(at, 2) };
}
