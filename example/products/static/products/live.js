// <products-live src="live/" part="?part">: asks for its part again whenever the stream says that something has changed,
// and now and then, because time goes by; only then, where there is no stream. The form adds without leaving the page.

const EVERY = 15_000;

// An XMLHttpRequest parses a document without running anything, which a strict policy allows.
function documentAt(address, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(request.status));
    request.onerror = reject;
    signal.addEventListener("abort", () => request.abort());
    request.send();
  });
}

class ProductsLive extends HTMLElement {
  connectedCallback() {
    if (this.hasAttribute("src")) {
      this.source = new EventSource(this.getAttribute("src"));
      this.source.addEventListener("products", (event) => this.hear(JSON.parse(event.data)));
    }
    this.timer = setInterval(() => this.refresh(), EVERY);
    this.onAdded = () => this.refresh();
    document.addEventListener("product-added", this.onAdded);
  }

  disconnectedCallback() {
    this.source?.close();
    this.asking?.abort();
    clearInterval(this.timer);
    document.removeEventListener("product-added", this.onAdded);
  }

  // What is on the page at once, and then the rest.
  hear({ products }) {
    for (const { id, status, label } of products) {
      const shown = this.querySelector(`[data-product="${id}"] [data-status]`);
      if (!shown) continue;
      shown.dataset.status = status;
      shown.textContent = label;
    }
    this.refresh();
  }

  async refresh() {
    if (document.hidden) return;
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    try {
      const { body } = await documentAt(this.getAttribute("part"), signal);
      const part = this.firstElementChild;
      if (!signal.aborted && part.innerHTML.trim() !== body.innerHTML.trim()) part.replaceChildren(...body.childNodes);
    } catch {
      // the next time, then
    }
  }
}

customElements.define("products-live", ProductsLive);

function tell(form, text) {
  form.querySelector(".shop-answer").textContent = text;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-add]");
  if (!form) return;
  event.preventDefault();
  tell(form, "Sending …");
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers });
    const said = await answer.json();
    if (answer.status === 202) {
      form.reset();
      tell(form, "Accepted. It is being processed.");
      document.dispatchEvent(new CustomEvent("product-added"));
    } else {
      tell(form, Object.values(said.errors).flat().join(" "));
    }
  } catch {
    tell(form, "That did not work. Please try again.");
  }
});
