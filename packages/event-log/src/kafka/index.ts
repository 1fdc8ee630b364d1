export type { KafkaSasl } from "./kafka-clients.ts";
export { type KafkaLogOptions, openKafkaLog } from "./kafka-log.ts";
