// <users-online src="live/" here="here/"> around what {% users_online %} shows: keeps it right while people come and go.
// A page that is loaded ahead neither listens nor says that somebody is there until it is looked at.

const EVERY = 60_000;

class UsersOnline extends HTMLElement {
  connectedCallback() {
    if (document.prerendering) {
      document.addEventListener("prerenderingchange", () => this.isConnected && this.begin(true), { once: true });
    } else {
      this.begin(false);
    }
  }

  disconnectedCallback() {
    this.source?.close();
    clearInterval(this.timer);
  }

  begin(atOnce) {
    this.second = 0;
    if (this.hasAttribute("src")) {
      this.source = new EventSource(this.getAttribute("src"));
      this.source.addEventListener("online", (event) => this.show(JSON.parse(event.data)));
    }
    if (this.hasAttribute("here")) {
      if (atOnce) this.say();
      this.timer = setInterval(() => document.visibilityState === "visible" && this.say(), EVERY);
    }
  }

  say() {
    fetch(this.getAttribute("here"), { cache: "no-store" }).catch(() => {});
  }

  show({ number, changes }) {
    for (const { second, joined, left } of changes.filter((change) => change.second > this.second)) {
      left.forEach((name) => this.item(name)?.remove());
      joined.filter((name) => !this.item(name)).forEach((name) => this.add(name));
      this.second = second;
    }
    const shown = this.querySelector(".nc-online-number");
    if (shown) shown.textContent = number;
    const more = this.querySelector(".nc-online-more");
    if (more) {
      const others = number - this.querySelectorAll("li").length;
      more.textContent = `+${others}`;
      more.hidden = others <= 0;
    }
    this.dispatchEvent(new CustomEvent("online", { bubbles: true, detail: { number, changes } }));
  }

  item(name) {
    return [...this.querySelectorAll("li")].find((item) => item.dataset.user === name);
  }

  add(name) {
    const item = document.createElement("li");
    item.dataset.user = item.textContent = name;
    this.querySelector("ul")?.prepend(item);
  }
}

customElements.define("users-online", UsersOnline);
