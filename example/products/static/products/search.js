// <product-search src="suggest/"> around a search field: suggests what is being typed, as a combobox with a listbox.
// Without this the field is one of a form, which searches.

const DELAY = 120; // milliseconds after the last key

class ProductSearch extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.list = Object.assign(document.createElement("ul"), { id: `${this.input.id}-suggestions`, hidden: true });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Suggestions");
    this.said = document.createElement("p");
    this.said.setAttribute("role", "status");
    this.said.className = "shop-unseen";
    const combobox = {
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id,
    };
    for (const [name, value] of Object.entries(combobox)) this.input.setAttribute(name, value);
    this.append(this.list, this.said);
    this.input.addEventListener("input", () => this.wait());
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.input.addEventListener("blur", () => this.close());
    // Before the field loses the focus.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")));
  }

  disconnectedCallback() {
    this.stop();
  }

  stop() {
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  wait() {
    this.stop();
    if (this.input.value.trim()) this.timer = setTimeout(() => this.ask(this.input.value), DELAY);
    else this.close();
  }

  async ask(typed) {
    this.asking = new AbortController();
    const { signal } = this.asking;
    try {
      const address = `${this.getAttribute("src")}?${new URLSearchParams({ q: typed })}`;
      const answer = await fetch(address, { signal, headers: { Accept: "application/json" } });
      const { suggestions } = await answer.json();
      if (!signal.aborted) this.show(suggestions);
    } catch {
      if (!signal.aborted) this.close(); // the form searches all the same
    }
  }

  show(suggestions) {
    this.list.replaceChildren(...suggestions.map(({ text }, place) => {
      const option = Object.assign(document.createElement("li"), { id: `${this.list.id}-${place}`, textContent: text });
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      return option;
    }));
    const number = suggestions.length;
    this.said.textContent = number ? `${number} suggestion${number > 1 ? "s" : ""}` : "No suggestions";
    this.open(number > 0);
  }

  open(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
    this.choose(null);
  }

  close() {
    this.stop();
    this.said.textContent = "";
    this.open(false);
  }

  get chosen() {
    return this.list.querySelector("[aria-selected=true]");
  }

  choose(option) {
    this.chosen?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  press(event) {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event);
    else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && !this.list.hidden && this.chosen) {
      event.preventDefault();
      this.take(this.chosen);
    }
  }

  move(event) {
    if (!this.list.childElementCount) return;
    event.preventDefault();
    if (this.list.hidden) this.open(true);
    // From the last one to the field, and from there to the first one; and back.
    const places = [...this.list.children, null];
    const step = event.key === "ArrowDown" ? 1 : places.length - 1;
    this.choose(places[(places.indexOf(this.chosen) + step) % places.length]);
  }

  take(option) {
    if (!option) return;
    this.input.value = option.textContent;
    this.close();
    this.input.form.requestSubmit();
  }
}

customElements.define("product-search", ProductSearch);
