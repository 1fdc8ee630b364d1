import { switches, testSettings } from "./switch-worlds.ts";

// How the source reads a request and shows a ticket. The other half of the table, and what is not in it, is in `fault-switches.test.ts`.
testSettings(switches.slice(0, switches.length / 2));
