import { type SettingSpec, settingTable } from "./setting-table.ts";

/** The settings table of the README, as Markdown. */
export function settingsTableMarkdown(): string {
  const rows = Object.entries(settingTable).map(
    ([name, spec]: [string, SettingSpec<unknown>]) =>
      `| \`${name}\` | ${spec.defaultText} | ${spec.meaning} |`,
  );
  return ["| Setting | Default | Meaning |", "| --- | --- | --- |", ...rows].join("\n");
}
