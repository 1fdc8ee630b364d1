import { hasToken, keepToken } from "./api.js";
import { h } from "./element.js";
import { word } from "./words.js";

let open: Promise<void> | null = null;

/** Asks for the token and resolves when one was given; a second call while it is open waits for the same. */
export function askForToken(): Promise<void> {
  open ??= new Promise<void>((resolve) => {
    const input = h("input", {
      attributes: {
        type: "password",
        name: "token",
        required: true,
        autocomplete: "current-password",
        "aria-label": word("tokenField"),
      },
    });
    const dialog = h("dialog", {
      class: "dialog",
      attributes: { "aria-labelledby": "token-title" },
    });
    const form = h(
      "form",
      {
        on: {
          submit: (event) => {
            event.preventDefault();
            keepToken(input.value);
            dialog.close();
            dialog.remove();
            open = null;
            resolve();
          },
        },
      },
      h("h2", { attributes: { id: "token-title" } }, word("tokenTitle")),
      h("p", hasToken() ? "bad" : "hint", word(hasToken() ? "tokenWrong" : "tokenHint")),
      input,
      h("button", { class: "main-button", attributes: { type: "submit" } }, word("tokenGo")),
    );
    dialog.append(form);
    // There is nothing behind it to go back to.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
  return open;
}
