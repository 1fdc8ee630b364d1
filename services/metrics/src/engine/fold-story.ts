/** Settings of the processes that a kill test folds in, and of the test itself. */
export const foldOptions = {
  system: "acme",
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte"],
  automaticLogins: ["robot"],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
  slaFirstResponseS: 4 * 3600,
};
