import { debianProgram } from "./debian-program.ts";

/**
 * Path of a Chromium for browser tests: the one named by `CHROMIUM`, else one on the PATH, else Debian's package,
 * installed by apt-get when this user may (100 MB, once).
 * @throws ServerMissing saying what was looked for and what to do.
 */
export function chromium(): Promise<string> {
  return debianProgram({
    title: "browser",
    names: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
    debianPackage: "chromium",
    setting: "CHROMIUM",
    remedy:
      "Install Chromium (Debian: apt-get install chromium), or set CHROMIUM to the path of a Chromium or Chrome.",
  });
}
