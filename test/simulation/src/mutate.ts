import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Mutant, mutants } from "./mutants.ts";

/** `npm run simulate:mutants [-- name …]`: plants each mistake in turn and runs seeds until one is caught. Fails when a mistake survives: the harness would not see it. */
const mostSeeds = 60;
const wanted = process.argv.slice(2);
const todo = mutants.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const main = fileURLToPath(new URL("./main.js", import.meta.url));
const plant = new URL("./plant.js", import.meta.url).href;

/** The seed that catches a mutant and what it says; null = it survived. */
function caught({ name, world }: Mutant): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        "--import",
        plant,
        main,
        "--seeds",
        String(mostSeeds),
        "--until-caught",
        "--world",
        world ?? "plain",
      ],
      { env: { ...process.env, MUTANT: name }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let [output, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      output += String(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += String(chunk);
    });
    child.on("exit", () => {
      const line = output.split("\n").find((text) => text.startsWith("seed "));
      if (line !== undefined) resolve(line.slice(0, 160));
      else if (output.includes("0 failed")) resolve(null);
      else reject(new Error(`mutant ${name} could not be run:\n${output}${errors}`));
    });
  });
}

let survived = 0;
const worker = async () => {
  for (let mutant = todo.shift(); mutant !== undefined; mutant = todo.shift()) {
    const by = await caught(mutant);
    if (by === null) survived += 1;
    console.log(
      `${by === null ? "SURVIVED" : "caught  "} ${mutant.name}: ${mutant.mistake}${by === null ? "" : `\n         ${by}`}`,
    );
  }
};
const count = todo.length;
await Promise.all(Array.from({ length: availableParallelism() }, worker));
console.log(`\n${count} mutants, ${count - survived} caught, ${survived} survived`);
process.exit(survived > 0 ? 1 : 0);
