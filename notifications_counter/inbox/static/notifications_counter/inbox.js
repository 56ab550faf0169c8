// Without this script the inbox is forms and links. With it, what they answer replaces the list, and nothing reloads.

const INBOX = "#inbox";
const status = Object.assign(document.createElement("div"), { className: "nc-hidden", role: "status" });

function inbox() {
  return document.querySelector(INBOX);
}

function announce(text) {
  status.textContent = "";
  if (text) setTimeout(() => (status.textContent = text), 50); // a change that a screen reader notices, each time
}

// A document, not text: what is in it does not run, and needs no trusted type.
function ask(method, address, body) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.onreadystatechange = () => {
      if (request.readyState === XMLHttpRequest.HEADERS_RECEIVED && request.status < 400) request.responseType = "document";
    };
    request.onload = () => resolve(request);
    request.onerror = reject;
    request.send(body);
  });
}

// Where the keyboard is: on what has the same id; on what stands where an item was; on the heading.
function place() {
  const active = document.activeElement;
  const items = [...inbox().querySelectorAll(".nc-item")];
  return { id: inbox().contains(active) ? active.id : "", item: items.indexOf(active.closest(".nc-item")) };
}

function focusOn({ id, item }) {
  if (!id) return;
  const items = inbox().querySelectorAll(".nc-item");
  const beside = items[Math.min(item, items.length - 1)]?.querySelector("button");
  const found = document.getElementById(id);
  ((!found?.disabled && found) || beside || document.getElementById("inbox-title")).focus();
}

function replace(answer) {
  if (answer.status >= 400) throw answer;
  const next = answer.response?.querySelector(INBOX);
  if (!next) return location.assign(answer.responseURL); // the session has ended: this is the log-in page
  inbox().replaceWith(document.adoptNode(next));
  document.title = answer.response.title;
  markAsSeen();
}

let before = Promise.resolve();

// One after the other, so that what is shown last has all of them.
function load(...what) {
  before = before.then(() => loadNow(...what));
}

async function loadNow(method, address, { body, done, remember, focus }) {
  inbox().setAttribute("aria-busy", "true");
  try {
    const answer = await ask(method, address, body);
    const kept = focus ?? place();
    replace(answer);
    if (remember) history.pushState(null, "", answer.responseURL);
    focusOn(kept);
    announce(done ?? inbox().dataset.loaded);
  } catch {
    announce(inbox().dataset.failed);
  } finally {
    inbox().removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-inbox]");
  const button = event.submitter;
  if (!form || button?.hasAttribute("data-leave")) return;
  event.preventDefault();
  const address = button?.hasAttribute("formaction") ? button.formAction : form.action;
  load("POST", address, { body: new FormData(form, button), done: button?.dataset.done });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-inbox]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const isPage = link.closest(".nc-pages");
  load("GET", link.href, { remember: true, focus: { id: isPage ? "inbox-title" : link.id, item: 0 } });
  if (isPage) scrollTo({ top: 0 });
});

addEventListener("popstate", () => inbox() && load("GET", location.href, { focus: { id: "inbox-title" } }));
// Back from where a notification led: the browser shows what it has kept.
addEventListener("pageshow", (event) => event.persisted && inbox() && load("GET", location.href, { done: "" }));

// Only a page that somebody sees: not one that was made in advance.
function markAsSeen() {
  const form = inbox()?.querySelector("form[data-inbox-seen]");
  if (form && !document.prerendering && document.visibilityState === "visible") {
    form.removeAttribute("data-inbox-seen");
    fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual", keepalive: true }).catch(() => {});
  }
}

document.addEventListener("prerenderingchange", markAsSeen);
document.addEventListener("visibilitychange", markAsSeen);
document.body.append(status);
markAsSeen();
