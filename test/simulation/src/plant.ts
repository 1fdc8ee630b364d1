import { register } from "node:module";

/** `node --import plant.js`: loads the program with the mistake that MUTANT names planted in it; the built files stay as they are. */
const name = process.env["MUTANT"];
if (name !== undefined) register("./plant-hooks.js", import.meta.url, { data: { name } });
