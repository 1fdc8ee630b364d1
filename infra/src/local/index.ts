export { chromium } from "./chromium.ts";
export { freePorts } from "./free-ports.ts";
export { type KafkaServer, kafkaImage, kafkaVersion, startKafka } from "./kafka-server.ts";
export { type KeptProcess, startKept, untilReady } from "./kept-process.ts";
export { mavenJars } from "./maven-jars.ts";
export { type PythonSet, pythonEnv } from "./python-env.ts";
export { type S3Server, startS3, versitygwImage, versitygwVersion } from "./s3-server.ts";
export { ServerMissing } from "./server-missing.ts";
export { sparkJars } from "./spark-jars.ts";
