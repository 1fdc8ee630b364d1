import { join } from "node:path";
import { MavenKafka } from "./maven-kafka.ts";
import { runCommand } from "./run-command.ts";

/** Who may log in, and by which mechanism. Passwords are for tests alone. */
export const secureUsers = {
  /** By PLAIN; may do everything. */
  plain: { username: "plain-user", password: "plain-password" },
  /** By SCRAM-SHA-512; may do everything. */
  scram: { username: "scram-user", password: "scram-password" },
  /** By SCRAM-SHA-512; may do nothing until somebody gives it rights. */
  stranger: { username: "stranger", password: "stranger-password" },
} as const;

/** A broker with TLS and SASL. */
export interface SecureKafka {
  readonly kafka: MavenKafka;
  /** File of the certificate that signs the broker's: its own, which no authority knows. */
  readonly caFile: string;
}

const storePassword = "test-only";

/**
 * A broker with a listener of each kind: PLAINTEXT (everything allowed), SSL, ASTRAY, and SASL_SSL with PLAIN and SCRAM-SHA-512, and with ACLs switched on. The caller stops it.
 * @throws ServerMissing without Java and Maven.
 */
export async function startSecureKafka(): Promise<SecureKafka> {
  const { plain, scram, stranger } = secureUsers;
  const login = (mechanism: string) => `listener.name.sasl_ssl.${mechanism}.sasl.jaas.config`;
  const kafka = await MavenKafka.prepare({
    listeners: ["SSL", "SASL_SSL", "ASTRAY"],
    prepare: makeCertificate,
    format: [scram, stranger].flatMap(({ username, password }) => [
      "--add-scram",
      `SCRAM-SHA-512=[name=${username},password=${password}]`,
    ]),
    settings: (folder) => ({
      "ssl.keystore.location": join(folder, "broker.p12"),
      "ssl.keystore.type": "PKCS12",
      "ssl.keystore.password": storePassword,
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
      [login("plain")]:
        `org.apache.kafka.common.security.plain.PlainLoginModule required user_${plain.username}="${plain.password}";`,
      [login("scram-sha-512")]: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": `User:ANONYMOUS;User:${plain.username};User:${scram.username}`,
    }),
  });
  await kafka.start();
  return { kafka, caFile: join(kafka.folder, "ca.pem") };
}

/** A certificate of its own for 127.0.0.1, by the JDK's keytool: the broker needs Java anyway. */
async function makeCertificate(folder: string): Promise<void> {
  const store = ["-keystore", join(folder, "broker.p12"), "-storepass", storePassword];
  const name = ["-alias", "broker", "-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1"];
  for (const args of [
    ["-genkeypair", ...name, "-keyalg", "RSA", "-validity", "7", "-storetype", "PKCS12", ...store],
    ["-exportcert", "-rfc", "-alias", "broker", "-file", join(folder, "ca.pem"), ...store],
  ]) {
    const made = await runCommand("keytool", args, { timeoutMs: 60_000 });
    if (!made.ok) throw new Error(`The broker's certificate could not be made:\n${made.output}`);
  }
}
