import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cached } from "./cache-folder.ts";
import { lastLines, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** A program of jars. */
export interface MavenProgram {
  /** Name of the folder in the cache; carries the version. */
  readonly name: string;
  /** For people: what it is and how large. */
  readonly title: string;
  /** `group:artifact:version`; what they need comes with them. */
  readonly artifacts: readonly string[];
  /** What to do without Java or Maven, as one sentence. */
  readonly remedy: string;
}

/**
 * The folder with a program's jars, downloaded by Maven the first time.
 * @throws ServerMissing without Java 17, or when Maven cannot fetch them.
 */
export async function mavenJars({ name, title, artifacts, remedy }: MavenProgram): Promise<string> {
  const java = await runCommand("java", ["-version"], { timeoutMs: 20_000 });
  const major = Number(/version "(\d+)/.exec(java.output)?.[1] ?? 0);
  if (!java.ok || major < 17)
    throw new ServerMissing(title, java.ok ? `Java is ${major}.` : "There is no Java.", remedy);
  return cached(name, async (folder) => {
    const build = await mkdtemp(join(tmpdir(), "thulium-stream-maven-"));
    const pom = join(build, "pom.xml");
    await writeFile(pom, pomOf(artifacts));
    process.stderr.write(`Downloading ${title} by Maven (once) …\n`);
    const { ok, output } = await runCommand(
      "mvn",
      ["-B", "-q", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${folder}`],
      { cwd: build, timeoutMs: 900_000 },
    );
    await rm(build, { recursive: true, force: true });
    if (!ok)
      throw new ServerMissing(title, `Maven could not fetch it:\n${lastLines(output)}\n`, remedy);
  });
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(":");
    // Excluded everywhere: a second binding of the logging interface, whichever comes first on the class path.
    const exclusions = `<exclusions><exclusion><groupId>ch.qos.reload4j</groupId><artifactId>*</artifactId></exclusion></exclusions>`;
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>${exclusions}</dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>thulium</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>
${dependencies.join("\n")}
</dependencies></project>
`;
}
