export * from "./pure.ts";
export * from "./thulium-source.ts";
