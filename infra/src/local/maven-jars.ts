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
  /** Artifacts without what they need: it is on the class path already, or not needed here. */
  readonly alone?: readonly string[];
  /** What to do without Java or Maven, as one sentence. */
  readonly remedy: string;
}

/**
 * The folder with a program's jars, downloaded by Maven the first time.
 * @throws ServerMissing without Java 17, or when Maven cannot fetch them.
 */
export async function mavenJars(program: MavenProgram): Promise<string> {
  const { name, title, remedy } = program;
  const java = await runCommand("java", ["-version"], { timeoutMs: 20_000 });
  const major = Number(/version "(\d+)/.exec(java.output)?.[1] ?? 0);
  if (!java.ok || major < 17)
    throw new ServerMissing(title, java.ok ? `Java is ${major}.` : "There is no Java.", remedy);
  return cached(name, async (folder) => {
    const build = await mkdtemp(join(tmpdir(), "thulium-stream-maven-"));
    const pom = join(build, "pom.xml");
    await writeFile(pom, pomOf(program));
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

function pomOf({ artifacts, alone = [] }: MavenProgram): string {
  // Left out everywhere: a second binding of the logging interface, where the first on the class path would win.
  const dependencies = [
    ...artifacts.map((artifact) => dependency(artifact, "ch.qos.reload4j")),
    ...alone.map((artifact) => dependency(artifact, "*")),
  ];
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>thulium</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>
${dependencies.join("\n")}
</dependencies></project>
`;
}

function dependency(artifact: string, excludedGroup: string): string {
  const [group, name, version] = artifact.split(":");
  const exclusion = `<exclusion><groupId>${excludedGroup}</groupId><artifactId>*</artifactId></exclusion>`;
  return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version><exclusions>${exclusion}</exclusions></dependency>`;
}
