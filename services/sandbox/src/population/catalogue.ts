/** A named thing with the id that the API shows. */
export interface Named {
  readonly id: number;
  readonly name: string;
}

/** A status with the sub-statuses that may stand under it. */
export interface Status extends Named {
  readonly substatuses: readonly Named[];
}

/** The built-in statuses, by id. `Nowe` means that the customer wrote last. */
export const statusIds = {
  new: 1,
  waiting: 2,
  postponed: 3,
  merged: 4,
  working: 5,
  closed: 6,
} as const;

/** All statuses of the invented system. */
export const statuses: readonly Status[] = [
  { id: 1, name: "Nowe", substatuses: [] },
  { id: 2, name: "Oczekuje na klienta", substatuses: [{ id: 21, name: "prośba o zdjęcie" }] },
  { id: 3, name: "Odłożone", substatuses: [] },
  { id: 4, name: "Połączone", substatuses: [] },
  { id: 5, name: "W realizacji", substatuses: [{ id: 51, name: "u dostawcy" }] },
  {
    id: 6,
    name: "Zamknięte",
    substatuses: [
      { id: 61, name: "rozwiązane" },
      { id: 62, name: "spam" },
      { id: 63, name: "brak odpowiedzi - klient" },
    ],
  },
];

/** Queues; mailboxes and names, with a gap in the ids. */
export const queues: readonly Named[] = [
  { id: 2, name: "pomoc@sklep-przyklad.pl" },
  { id: 3, name: "Reklamacje i zwroty" },
  { id: 5, name: "Księgowość" },
  { id: 8, name: "Zamówienia hurtowe" },
  { id: 13, name: "support@example.com" },
  { id: 21, name: "Czat na stronie" },
  { id: 32, name: "Żółta linia (VIP) ☎" },
  { id: 34, name: "Dział techniczny" },
];

/** Categories. */
export const categories: readonly Named[] = [
  { id: 1, name: "Status przesyłki" },
  { id: 2, name: "Reklamacja" },
  { id: 3, name: "Zwrot" },
  { id: 4, name: "Faktura" },
  { id: 6, name: "Pytanie o produkt" },
  { id: 7, name: "Awaria" },
  { id: 9, name: "Współpraca" },
  { id: 12, name: "Inne / różne" },
];

/** Logins; 0 is nobody, the last one answers automatically. */
export const logins = [
  "",
  "akowalski",
  "mnowak",
  "jwisniewska",
  "p.wojcik",
  "kkaminska",
  "tlewandowski",
  "azielinska",
  "mszymanski",
  "e.wozniak",
  "bdabrowski",
  "kkozlowska",
  "r.jankowski",
  "autoresponder",
] as const;

/** Index in {@link logins} of the one that answers automatically. */
export const automaticLogin = logins.length - 1;

/** Channels with their share of arrivals. */
export const sources: readonly { readonly name: string; readonly share: number }[] = [
  { name: "email", share: 0.62 },
  { name: "www", share: 0.14 },
  { name: "chat", share: 0.1 },
  { name: "phone", share: 0.08 },
  { name: "sms", share: 0.04 },
  { name: "facebook", share: 0.02 },
];

/** Tags; at most 30, since a ticket's set of them is a mask. */
export const tags: readonly string[] = [
  "pilne",
  "vip",
  "zwrot",
  "reklamacja",
  "faktura",
  "kurier DPD",
  "paczkomat",
  "brak wpłaty",
  "do-kontaktu",
  "Łódź",
  "błąd#500",
  "b2b",
  "upsell",
  "eskalacja 2. linia",
  "100%",
  "gwarancja",
  "🔥 gorące",
  "إرجاع",
];

/** Custom fields with the values that the population gives them; index 0 of every list is "no value". */
export const customFields: readonly {
  readonly name: string;
  readonly values: readonly (string | null)[];
}[] = [
  {
    name: "ID",
    values: [null, "1", "2", "3", "10023", "10024", "00017", "A-7781/2025", "9007199254740993"],
  },
  {
    name: "Uwagi",
    values: [
      null,
      "information",
      "klient dzwonił dwa razy",
      "Proszę nie dzwonić po 18:00 – dziękuję",
      "zażółć gęślą jaźń",
      "do wyjaśnienia z magazynem; paczka „zaginęła”",
    ],
  },
  { name: "Priorytet", values: [null, "niski", "normalny", "wysoki", "krytyczny"] },
  { name: "Nr zamówienia v2.0", values: [null, "ZAM/2025/0001", "ZAM/2025/0417", "ZAM/2026/0099"] },
];

/** How many customers write; ids run from {@link firstCustomerId}. */
export const customerCount = 40_000;
/** Id of the first customer. */
export const firstCustomerId = 30_001;
/** How many companies the customers belong to; ids run from 1. */
export const companyCount = 500;

/** The company of a customer; it can be searched for but is in no answer. */
export function companyOf(customerId: number): number {
  return 1 + (customerId % companyCount);
}
