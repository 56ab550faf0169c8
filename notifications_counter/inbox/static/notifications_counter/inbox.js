// Without this script the inbox is forms and links. With it, what they answer replaces the list, and nothing reloads.

const INBOX = "#inbox";
const status = Object.assign(document.createElement("div"), { className: "nc-hidden", role: "status" });

function inbox() {
  return document.querySelector(INBOX);
}

let shown;

// What nothing else on the page shows, everybody sees for a while.
function announce(text, { isShown = false } = {}) {
  clearTimeout(shown);
  status.textContent = "";
  status.className = "nc-hidden";
  if (!text) return;
  setTimeout(() => {
    status.textContent = text; // a change that a screen reader notices, each time
    status.className = isShown ? "nc-status" : "nc-hidden";
  }, 50);
  shown = setTimeout(() => (status.className = "nc-hidden"), 6000);
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
  const unfolded = [...inbox().querySelectorAll("details[open] > summary")].map((one) => one.id);
  inbox().replaceWith(document.adoptNode(next));
  for (const id of unfolded) document.getElementById(id)?.parentNode.setAttribute("open", "");
  document.title = answer.response.title;
  known = numbersOf(next);
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
    announce(done ?? inbox().dataset.loaded, { isShown: Boolean(done) });
  } catch {
    announce(inbox().dataset.failed, { isShown: true });
  } finally {
    inbox().removeAttribute("aria-busy");
  }
}

// What a badge of the page has heard, and what the list has: each change has a revision.

let heard, known, waiting;

function numbersOf({ dataset }) {
  return { epoch: dataset.epoch, revision: +dataset.revision, unread: +dataset.unread, unseen: +dataset.unseen };
}

function isOutdated() {
  if (!heard || !inbox()) return false;
  known ??= numbersOf(inbox());
  if (heard.epoch === known.epoch && heard.revision <= known.revision) return false;
  // Looking at the list has marked it as seen: what is new stays marked on it.
  const isSeen = heard.epoch === known.epoch && heard.revision === known.revision + 1;
  if (!isSeen || heard.unread !== known.unread || heard.unseen >= known.unseen) return true;
  known = heard;
  return false;
}

// Not all pages of all users at the same moment, where all are told the same.
function catchUp() {
  clearTimeout(waiting);
  if (isOutdated()) waiting = setTimeout(() => (before = before.then(catchUpNow)), 50 + Math.random() * 450);
}

async function catchUpNow() {
  if (document.visibilityState !== "visible" || !isOutdated()) return;
  try {
    const answer = await ask("GET", location.href);
    const next = answer.status < 400 && answer.response?.querySelector(INBOX);
    if (!next) return; // whatever the user does next says what is wrong
    const number = newIn(next);
    if (number && !isAtTop()) return offer(number, next);
    const kept = place();
    replace(answer);
    focusOn(kept);
    if (number) announce(inNumbers(number));
  } catch {
    // the next value tries again
  }
}

function keysIn(within) {
  return [...within.querySelectorAll(".nc-item [name=id]")].map((one) => +one.value);
}

function newIn(next) {
  const newest = Math.max(0, ...keysIn(inbox()));
  return keysIn(next).filter((key) => key > newest).length;
}

// What comes at the top moves all else: only where the user looks at the top, and does nothing in the list.
function isAtTop() {
  const list = inbox().querySelector(".nc-column");
  return inbox().getBoundingClientRect().top >= 0 && !list.contains(document.activeElement);
}

function offer(number, next) {
  const column = inbox().querySelector(".nc-column");
  const button = column.querySelector(".nc-offer") || document.createElement("button");
  known = numbersOf(next);
  button.type = "button";
  button.className = "nc-button nc-offer";
  button.textContent = `${inNumbers(number)} – ${inbox().dataset.show}`;
  if (!button.parentNode) column.prepend(button);
  announce(button.textContent);
}

function inNumbers(number) {
  const language = inbox().closest("[lang]")?.lang || undefined;
  const forms = JSON.parse(inbox().dataset.new);
  const form = forms[new Intl.PluralRules(language).select(number)] || forms.other;
  return form.replace("#", number.toLocaleString(language));
}

document.addEventListener("unread", ({ detail }) => {
  heard = detail;
  catchUp();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-inbox]");
  const button = event.submitter;
  if (!form || button?.hasAttribute("data-leave")) return;
  event.preventDefault();
  const address = button?.hasAttribute("formaction") ? button.formAction : form.action;
  load("POST", address, { body: new FormData(form, button), done: button?.dataset.done });
});

document.addEventListener("click", (event) => {
  if (event.target.closest(".nc-offer")) {
    load("GET", location.href, { focus: { id: "inbox-title" } });
    return scrollTo({ top: 0 });
  }
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
document.addEventListener("visibilitychange", catchUp);
document.body.append(status);
markAsSeen();
