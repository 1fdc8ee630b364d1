/** Every text of the page, in both languages. */
const words = {
  en: {
    skip: "Skip to the figures",
    period: "Period",
    from: "From",
    to: "To",
    queue: "Queue",
    all: "All queues",
    csv: "Download CSV",
    language: "Polski",
    dark: "Dark",
    light: "Light",
    days7: "7 days",
    days30: "30 days",
    days90: "90 days",
    days365: "Year",
    backlogTitle: "Backlog, created and closed",
    backlogHint: "Open tickets at the end of each interval; tickets created and closed in it",
    responseTitle: "First response",
    resolutionTitle: "Resolution",
    percentileHint:
      "Calendar time; half of the tickets were faster than the median, nine in ten faster than p90",
    queuesTitle: "Queues",
    heatTitle: "When tickets arrive",
    heatHint: "Created tickets by weekday and hour, local time",
    slowestTitle: "Longest open",
    pipelineTitle: "Pipeline",
    open: "Open now",
    created: "Created",
    closed: "Closed",
    firstResponse: "Median first response",
    resolution: "Median resolution",
    reopened: "Reopened",
    inWork: "in working hours",
    p90: "p90",
    backlog: "Backlog",
    median: "Median",
    ticket: "Ticket",
    subject: "Subject",
    status: "Status",
    age: "Open for",
    agent: "Agent",
    none: "–",
    noSubject: "(no subject)",
    empty: "No tickets in this period.",
    live: "Live",
    asOf: "as of",
    behind: "behind",
    lost: "Connection lost – trying again",
    failed: "The figures could not be loaded:",
    sealed: "Complete up to",
    agreed: "Compared whole as of",
    backfill: "Backfill",
    held: "Tickets held",
    requests: "Requests",
    waiting: "Waiting for the limit until",
    lastSweep: "Last sweep",
    letters: "Dead letters",
    holes: "Unread holes",
    table: "rows waiting",
    snapshot: "Last snapshot",
    done: "complete",
    never: "not yet",
    days: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
  },
  pl: {
    skip: "Przejdź do danych",
    period: "Okres",
    from: "Od",
    to: "Do",
    queue: "Kolejka",
    all: "Wszystkie kolejki",
    csv: "Pobierz CSV",
    language: "English",
    dark: "Ciemny",
    light: "Jasny",
    days7: "7 dni",
    days30: "30 dni",
    days90: "90 dni",
    days365: "Rok",
    backlogTitle: "Zaległości, nowe i zamknięte",
    backlogHint:
      "Otwarte zgłoszenia na koniec przedziału oraz utworzone i zamknięte w jego trakcie",
    responseTitle: "Pierwsza odpowiedź",
    resolutionTitle: "Rozwiązanie",
    percentileHint:
      "Czas kalendarzowy; połowa zgłoszeń była szybsza od mediany, dziewięć na dziesięć od p90",
    queuesTitle: "Kolejki",
    heatTitle: "Kiedy przychodzą zgłoszenia",
    heatHint: "Nowe zgłoszenia według dnia tygodnia i godziny, czas lokalny",
    slowestTitle: "Najdłużej otwarte",
    pipelineTitle: "Potok danych",
    open: "Otwarte teraz",
    created: "Nowe",
    closed: "Zamknięte",
    firstResponse: "Mediana pierwszej odpowiedzi",
    resolution: "Mediana rozwiązania",
    reopened: "Otwarte ponownie",
    inWork: "w godzinach pracy",
    p90: "p90",
    backlog: "Zaległości",
    median: "Mediana",
    ticket: "Zgłoszenie",
    subject: "Temat",
    status: "Status",
    age: "Otwarte od",
    agent: "Agent",
    none: "–",
    noSubject: "(bez tematu)",
    empty: "Brak zgłoszeń w tym okresie.",
    live: "Na żywo",
    asOf: "stan na",
    behind: "opóźnienia",
    lost: "Brak połączenia – ponawiam",
    failed: "Nie udało się wczytać danych:",
    sealed: "Kompletne do",
    agreed: "Porównane w całości na",
    backfill: "Wczytywanie historii",
    held: "Zgłoszenia w indeksie",
    requests: "Zapytania",
    waiting: "Czeka na limit do",
    lastSweep: "Ostatnie przejście",
    letters: "Odrzucone wiersze",
    holes: "Nieodczytane luki",
    table: "wierszy czeka",
    snapshot: "Ostatni snapshot",
    done: "gotowe",
    never: "jeszcze nie",
    days: ["Pn", "Wt", "Śr", "Cz", "Pt", "So", "Nd"],
  },
} as const;

/** A language of the page. */
export type Language = keyof typeof words;
/** Name of a text. */
export type Word = Exclude<keyof (typeof words)["en"], "days">;

let language: Language =
  (localStorage.getItem("language") as Language | null) ??
  (navigator.language.startsWith("pl") ? "pl" : "en");

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
  return words[language][name];
}

/** Names of the weekdays, Monday first. */
export function weekdays(): readonly string[] {
  return words[language].days;
}

/** A whole number with the language's own spaces. */
export function count(value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

/** Seconds as people say them; – when unknown. */
export function duration(seconds: number | null): string {
  if (seconds === null) return "–";
  const number = (value: number, digits: number) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
  if (seconds < 90) return `${number(seconds, 0)} s`;
  if (seconds < 5400) return `${number(seconds / 60, 0)} min`;
  if (seconds < 129_600) return `${number(seconds / 3600, 1)} h`;
  return `${number(seconds / 86_400, 1)} ${language === "pl" ? "dni" : "d"}`;
}

/** An instant as local date and time; – when there is none. */
export function moment(instant: string | null): string {
  return instant === null
    ? "–"
    : new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(
        new Date(instant),
      );
}
