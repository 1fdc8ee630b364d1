import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createFigureRules } from "./figure-rules.ts";
import { metricsSettings, noMetricsSettings, readMetricsSettings } from "./metrics-settings.ts";

const file = join(mkdtempSync(join(tmpdir(), "metrics-settings-")), "metrics.json");

function faultsOf(content: unknown): string {
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  try {
    readMetricsSettings(file);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected a fault");
}

const office = [{ hours: "Mon-Fri 08:00-16:00" }];
const options = {
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte"],
  automaticLogins: [],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
  slaFirstResponseS: 3600,
  slaResolutionS: null,
  file: noMetricsSettings,
};

describe("the settings file of the metrics", () => {
  it("names every faulty field with its value and rule, all at once", () => {
    const message = faultsOf({
      calendars: {
        office: [
          { hours: "Mon-Fri 16:00-08:00", holidays: "Poland", closures: ["2026-12-31/2026-12-28"] },
          { valid_from: "2026-02-30", hours: "Sat 09:00-13:00" },
        ],
        shop: [{ valid_from: "2026-01-01", hours: "Mon-Fri 08:00-16:00" }],
      },
      sla: [{ first_response: "soon", measure: "wall" }],
      colour: "red",
    });
    for (const line of [
      '  calendars.office[0].hours="Mon-Fri 16:00-08:00": must be ranges such as',
      '  calendars.office[0].holidays="Poland": must be a country code such as PL, or none',
      '  calendars.office[0].closures[0]="2026-12-31/2026-12-28": must be a day such as 2026-12-31, or',
      '  calendars.office[1].valid_from="2026-02-30": must be a day such as',
      "must have exactly one schedule without valid_from",
      '  sla[0].first_response="soon": must be a duration such as',
      "  sla[0].measure=",
      "  colour: is no setting",
    ])
      expect(message).toContain(line);
  });

  it("names calendars that are used and not there", () => {
    const message = faultsOf({
      calendars: { office },
      default_calendar: "work",
      queue_calendars: { "32": "always" },
    });
    expect(message).toContain("  default_calendar: must be one of calendars (office)");
    expect(message).toContain("  queue_calendars.32: must be one of calendars (office)");
  });

  it.each(["{", "/nowhere"])("says which file cannot be read: %s", (content) => {
    if (content.startsWith("/"))
      expect(() => readMetricsSettings(content)).toThrow(/METRICS_SETTINGS=\/nowhere: must name/);
    else expect(faultsOf(content)).toContain(`METRICS_SETTINGS=${file}: must name a readable JSON`);
  });

  it("has its schema in docs/metrics-settings.schema.json", () => {
    const path = new URL("../../../../docs/metrics-settings.schema.json", import.meta.url);
    const schema = `${JSON.stringify(z.toJSONSchema(metricsSettings, { io: "input" }), null, 2)}\n`;
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(JSON.parse(schema));
  });
});

describe("the rules made of settings", () => {
  it.each([
    [{ businessHours: "9 to 5" }, /BUSINESS_HOURS="9 to 5": must be ranges/],
    [{ holidays: "Polska" }, /HOLIDAYS="Polska": must be a country code/],
  ])("refuse %o by name", (broken, message) => {
    expect(() => createFigureRules({ ...options, ...broken })).toThrow(message);
  });

  it("have another id when anything that figures depend on is another", () => {
    const ids = [
      options,
      { ...options, holidays: "none" },
      { ...options, automaticLogins: ["robot"] },
      { ...options, file: metricsSettings.parse({ priority_field: "P" }) },
    ].map((each) => createFigureRules(each).id);
    expect(new Set(ids).size).toBe(ids.length);
    const reversed = Object.fromEntries(Object.entries(options).reverse()) as typeof options;
    expect(createFigureRules(reversed).id).toBe(ids[0]);
  });
});
