import { mavenJars } from "./maven-jars.ts";

/** Version of Iceberg's runtime for Spark; there is none for Spark 4.2 and later. */
const icebergVersion = "1.12.0";
const awsVersion = "2.29.52";

/** The folder of jars with which Spark 4.1 reads Iceberg tables on S3, downloaded by Maven the first time (62 MB). @throws ServerMissing. */
export function sparkJars(): Promise<string> {
  return mavenJars({
    name: `spark-4.1-iceberg-${icebergVersion}`,
    title: "Iceberg's runtime for Spark (62 MB)",
    artifacts: [
      ...["s3", "s3-transfer-manager", "sts", "apache-client", "netty-nio-client"].map(
        (part) => `software.amazon.awssdk:${part}:${awsVersion}`,
      ),
      "org.wildfly.openssl:wildfly-openssl:2.1.4.Final",
    ],
    alone: [
      `org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:${icebergVersion}`,
      // Without its bundle of all of AWS (600 MB).
      "org.apache.hadoop:hadoop-aws:3.4.2",
    ],
    remedy: "Install Java 17 and Maven and give it access to a repository.",
  });
}
