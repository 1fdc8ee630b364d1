import { kafkaVersion } from "./cluster-of-one.ts";
import { debianProgram } from "./debian-program.ts";
import { mavenJars } from "./maven-jars.ts";

/** Path of kcat: the one named by `KCAT`, else one on the PATH, else Debian's package. @throws ServerMissing. */
export function kcat(): Promise<string> {
  return debianProgram({
    title: "kcat",
    names: ["kcat", "kafkacat"],
    debianPackage: "kcat",
    setting: "KCAT",
    remedy: "Install kcat (Debian: apt-get install kcat), or set KCAT to its path.",
  });
}

/** The folder of jars with Kafka's own command-line clients, downloaded by Maven the first time (40 MB). @throws ServerMissing. */
export function kafkaTools(): Promise<string> {
  return mavenJars({
    name: `kafka-tools-${kafkaVersion}`,
    title: `Kafka's command-line clients ${kafkaVersion} (40 MB)`,
    artifacts: [`org.apache.kafka:kafka-tools:${kafkaVersion}`],
    remedy: "Install Java 17 and Maven and give it access to a repository.",
  });
}
