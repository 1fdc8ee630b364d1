import { english } from "./english.js";
import { polish } from "./polish.js";

/** Name of a text. */
export type Word = Exclude<keyof typeof english, "days">;
/** A language of the page. */
export type Language = "en" | "pl";

const languages = { en: english, pl: polish };
const wanted = new URLSearchParams(location.search).get("lang") ?? localStorage.getItem("language");

let language: Language =
  wanted === "en" || wanted === "pl" ? wanted : navigator.language.startsWith("pl") ? "pl" : "en";

/** The language in use. */
export function currentLanguage(): Language {
  return language;
}

/** Switches to the other language and remembers it. */
export function switchLanguage(): void {
  language = language === "en" ? "pl" : "en";
  localStorage.setItem("language", language);
}

/** A text in the language in use. */
export function word(name: Word): string {
  return languages[language][name];
}

/** Names of the weekdays, Monday first. */
export function weekdays(): readonly string[] {
  return languages[language].days;
}

/** Whether a name is one of a text: states and kinds come from the server, and may be newer than this page. */
export function wordOr(name: string, fallback: string): string {
  return name in english ? word(name as Word) : fallback;
}
