import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSettings, unknownSettings } from "./read-settings.ts";

const real = {
  THULIUM_URL: "https://acme.thulium.com",
  THULIUM_USER: "api",
  THULIUM_PASSWORD: "s3cret",
};

describe("readSettings", () => {
  it("runs on the sandbox with no settings at all", () => {
    const settings = readSettings({});
    expect(settings.source).toEqual({ kind: "sandbox" });
    expect(settings.system).toBe("sandbox");
    expect(settings.EVENT_LOG_URL).toBe("embedded:./data/sandbox/log");
    expect(settings.POLL_INTERVAL).toBe(15_000);
    expect(settings.HTTP_PORT).toBe(8787);
  });

  it("takes the system from the host and keeps a polite rate", () => {
    const settings = readSettings(real);
    expect(settings.system).toBe("acme");
    expect(settings.REQUESTS_PER_SECOND).toBe(5);
    expect(settings.LAKE_URL).toBe("file:./data/acme/lake");
  });

  it.each([{ EVENT_LOG_URL: "kafka://broker:9092" }, { LAKE_URL: "s3://bucket/lake" }])(
    "never sends invented tickets to a real broker or bucket: %o",
    (env) => {
      expect(() => readSettings(env)).toThrow(
        /THULIUM_URL=\(not set\): is required with a real broker or bucket/,
      );
      expect(readSettings({ ...env, THULIUM_URL: "sandbox" }).source.kind).toBe("sandbox");
      expect(() => readSettings(env, { source: false })).not.toThrow();
    },
  );

  it("reports every fault at once and hides secrets", () => {
    const env = {
      ...real,
      THULIUM_USER: "",
      POLL_INTERVAL: "soon",
      PAGE_SIZE: "500",
      THULIUM_TIME_ZONE: "Europe/Warszawa",
      HTTP_HOST: "0.0.0.0",
      LAKE_URL: "/lake",
      EVENT_LOG_URL: "kafka:broker",
    };
    const message = faultsOf(env);
    for (const name of [
      "THULIUM_USER",
      "POLL_INTERVAL",
      "PAGE_SIZE",
      "THULIUM_TIME_ZONE",
      "API_TOKEN",
      "LAKE_URL",
      "EVENT_LOG_URL",
    ])
      expect(message).toContain(`\n  ${name}=`);
    expect(message).toContain('POLL_INTERVAL="soon": must be a duration');
    expect(message).not.toContain("s3cret");
  });

  it("refuses to send credentials over plain HTTP except to loopback", () => {
    expect(faultsOf({ ...real, THULIUM_URL: "http://acme.thulium.com" })).toContain("THULIUM_URL");
    expect(
      readSettings({ ...real, THULIUM_URL: "http://127.0.0.1:9", THULIUM_SYSTEM: "t" }).system,
    ).toBe("t");
  });

  it("hides credentials that were put into the address", () => {
    expect(
      faultsOf({ ...real, THULIUM_URL: "https://u:topsecret@acme.thulium.com" }),
    ).not.toContain("topsecret");
  });

  it("asks for the system's name when the address has none", () => {
    expect(faultsOf({ ...real, THULIUM_URL: "http://127.0.0.1:9" })).toContain("THULIUM_SYSTEM");
  });

  it("reads secrets from files", () => {
    const file = join(mkdtempSync(join(tmpdir(), "settings-")), "password");
    writeFileSync(file, "from file\n");
    const settings = readSettings({
      ...real,
      THULIUM_PASSWORD: undefined,
      THULIUM_PASSWORD_FILE: file,
    });
    expect(settings.source).toMatchObject({ password: "from file" });
    expect(
      faultsOf({ ...real, THULIUM_PASSWORD: undefined, THULIUM_PASSWORD_FILE: "/nowhere/x" }),
    ).toContain("ENOENT");
  });

  it("notices misspelt names but not those of Kubernetes", () => {
    const env = {
      THULIUM_URLL: "x",
      LAKE_SERVICE_HOST: "x",
      THULIUM_PASSWORD_FILE: "x",
      PATH: "x",
    };
    expect(unknownSettings(env)).toEqual(["THULIUM_URLL"]);
  });
});

function faultsOf(env: Record<string, string | undefined>): string {
  try {
    readSettings(env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected a fault");
}
