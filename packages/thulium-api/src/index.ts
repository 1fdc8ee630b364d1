export type { Exchange, ExchangedAnswer } from "./exchange.ts";
export * from "./pure.ts";
export * from "./thulium-source.ts";
