// <unread-badge src="live/" poll="api/unread/" counts="unread" max="99">: a number that stays right by itself.
//
// It listens to a stream of values, each with a revision and its epoch, and keeps the newest. Where there is no stream
// it polls. One tab does so for all tabs of a browser, which a lock chooses and a channel tells of what it hears.
// Options: interval (seconds between polls), labels (a JSON object of plural forms), tab-title, app-badge.

const LIVE = 1, FAILED = 2, NONE = 3, OUT = 4; // how an attempt has ended
const FIRST = 10_000, SILENCE = 40_000; // how long a stream may say nothing: the server comments every 15 s
const ANSWER = 1_500; // how long the tab that leads may take to answer, unless it is frozen
const page = globalThis.document;

// A value's way from the server, without anything to look at, so that it runs outside of browsers too.
export class Feed {
  constructor(src, poll, show, { interval = 30, request = (...call) => fetch(...call), shared = true } = {}) {
    Object.assign(this, { src, poll, show, interval: interval * 1000, request });
    this.locks = shared && globalThis.navigator?.locks;
    this.name = `unread-badge ${src}`;
  }

  // Only the newest page knows whose cookies count now: it leads, and hears nothing of another's before.
  start() {
    if (this.me) return;
    const me = (this.me = {});
    this.steal = this.deaf = true;
    if (this.locks) {
      this.channel = new BroadcastChannel(this.name);
      this.channel.onmessage = ({ data }) => this.hear(data);
    }
    this.join(me);
  }

  stop() {
    this.me = null;
    this.end?.abort();
    this.nap?.();
    this.channel?.close();
    this.channel = null;
    clearTimeout(this.asking);
  }

  // The page is looked at again, or back on the network: whatever waits is tried now.
  wake() {
    this.failures = 0;
    this.nap?.();
    if (this.leads || !this.channel) return;
    this.tell({ ask: 1 });
    clearTimeout(this.asking);
    this.asking = setTimeout(() => {
      this.steal = true;
      this.end?.abort();
    }, ANSWER);
  }

  tell(data) {
    this.channel?.postMessage(data);
  }

  hear(data) {
    if (data.ask) return this.leads && this.tell(this.known || { alive: 1 });
    clearTimeout(this.asking);
    if (this.leads || this.deaf) return;
    if (data.out) this.clear();
    else if (data.epoch) this.take(data);
  }

  take(value) {
    const known = this.known;
    if (known && known.epoch === value.epoch && known.revision > value.revision) return;
    this.known = value;
    this.show(value);
    if (this.leads) this.tell(value);
  }

  clear() {
    this.known = this.etag = null;
    this.show(null);
  }

  async join(me) {
    while (this.me === me) {
      const end = (this.end = new AbortController());
      const run = () => this.run(end.signal);
      const options = this.steal ? { steal: true } : { signal: end.signal };
      this.steal = false;
      try {
        await (this.locks ? this.locks.request(this.name, options, run) : run());
      } catch (error) {
        if (error.name !== "AbortError") this.locks = null; // a page that may have none
      }
      end.abort(); // the lock may have been stolen
      if (this.me === me && this.rests) await this.sleep(1e9, me);
    }
  }

  async run(signal) {
    if (signal.aborted) return;
    this.leads = true;
    this.deaf = false;
    this.rests = false;
    this.failures = 0;
    signal.addEventListener("abort", () => {
      this.leads = false;
      this.nap?.();
    });
    while (!signal.aborted && !this.rests) {
      let found = await this.listen(signal);
      if (found === LIVE) this.failures = 0;
      else if (found !== OUT && (found === NONE || this.failures > 1)) found = await this.polls(found, signal);
      if (signal.aborted) return;
      if (found === OUT) {
        this.clear();
        this.tell({ out: 1 });
      }
      const wait = Math.min(30_000, 500 * 1.3 ** this.failures++);
      await this.sleep((found === OUT ? 60_000 : wait) * (0.5 + Math.random() / 2), signal);
    }
    this.leads = false;
  }

  async listen(signal) {
    const cut = new AbortController(), abort = () => cut.abort();
    let found = FAILED, timer;
    const expect = (wait) => {
      clearTimeout(timer);
      timer = setTimeout(abort, wait);
    };
    signal.addEventListener("abort", abort);
    try {
      expect(FIRST);
      const headers = { Accept: "text/event-stream" };
      const response = await this.request(this.src, { headers, cache: "no-store", signal: cut.signal });
      if (response.status === 401 || response.status === 403) return OUT;
      if (!response.ok) return response.status < 500 ? NONE : FAILED;
      if (!/^text\/event-stream/.test(response.headers.get("Content-Type"))) return NONE;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        expect(SILENCE);
        const parts = (text + value).split("\n\n");
        text = parts.pop();
        for (const part of parts) if (this.read(part)) found = LIVE;
      }
    } catch {
      // no answer, or the end of one
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      abort();
    }
    return found;
  }

  read(part) {
    const event = Object.fromEntries(part.split("\n").map((line) => line.split(/: ?(.*)/, 2)));
    if (event.event === "unread") this.take({ ...JSON.parse(event.data), epoch: event.id.split(":")[0] });
    return event.event;
  }

  // A hidden tab does not poll: it leaves that to another one.
  async polls(found, signal) {
    for (let same = 0, left = found === NONE ? 10 : 1; left-- && !signal.aborted; ) {
      if (page?.hidden && this.locks) {
        this.rests = true;
        return found;
      }
      const polled = page?.hidden ? NONE : await this.ask(signal);
      if (polled === OUT) return OUT;
      same = polled === LIVE ? 0 : same + 1;
      if (found === NONE) await this.sleep(this.interval * Math.min(4, 1.2 ** same) * (0.9 + Math.random() / 5), signal);
    }
    return found;
  }

  async ask(signal) {
    try {
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      const response = await this.request(this.poll, { headers, cache: "no-store", signal });
      if (response.status === 401 || response.status === 403) return OUT;
      if (!response.ok) return NONE;
      const { unread, unseen, revision } = await response.json();
      this.etag = response.headers.get("ETag");
      this.take({ unread, unseen, revision, epoch: response.headers.get("Notifications-Epoch") });
      return LIVE;
    } catch {
      return FAILED;
    }
  }

  // Until the time is over, or wake() or the end comes before.
  sleep(wait, signal) {
    return new Promise((done) => {
      if (signal.aborted) return done();
      const timer = setTimeout(done, Math.min(wait, 2 ** 31 - 1));
      this.nap = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

// Badges of one address share a feed.
const feeds = new Map();

function join(badge) {
  let feed = feeds.get(badge.src);
  if (!feed) {
    const badges = new Set();
    const show = (value) => badges.forEach((one) => one.show(value));
    feed = new Feed(badge.src, badge.getAttribute("poll"), show, { interval: badge.getAttribute("interval") || 30 });
    feed.badges = badges;
    feeds.set(badge.src, feed);
    if (page.prerendering) page.addEventListener("prerenderingchange", () => feed.start(), { once: true });
    else feed.start();
  }
  feed.badges.add(badge);
  if (feed.known) badge.show(feed.known);
  return feed;
}

function leave(badge) {
  const feed = badge.feed;
  feed.badges.delete(badge);
  if (feed.badges.size) return;
  feed.stop();
  feeds.delete(badge.src);
}

if (page) {
  const all = (name) => () => feeds.forEach((feed) => feed[name]());
  addEventListener("pagehide", all("stop"));
  addEventListener("pageshow", (event) => event.persisted && all("start")());
  page.addEventListener("freeze", all("stop"));
  page.addEventListener("resume", all("start"));
  addEventListener("online", all("wake"));
  page.addEventListener("visibilitychange", () => page.hidden || all("wake")());
}

class UnreadBadge extends (globalThis.HTMLElement || class {}) {
  connectedCallback() {
    this.src = new URL(this.getAttribute("src"), page.baseURI).href;
    this.badge = page.createElement("span");
    this.badge.className = "unread-badge";
    this.badge.setAttribute("role", "img");
    this.badge.hidden = true;
    this.status = page.createElement("span"); // what a screen reader says when the number changes
    this.status.setAttribute("role", "status");
    const unseen = { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" };
    Object.assign(this.status.style, unseen, { whiteSpace: "nowrap" });
    this.replaceChildren(this.badge, this.status);
    this.feed = join(this);
  }

  disconnectedCallback() {
    clearTimeout(this.saying);
    leave(this);
  }

  // Asks for the number now, such as after the page has changed it.
  refresh() {
    return this.feed.ask();
  }

  // Shows a value; null where nobody is logged in.
  show(value) {
    const count = value?.[this.getAttribute("counts") || "unread"] || 0;
    const max = +this.getAttribute("max") || 99, text = count > max ? `${max}+` : `${count}`;
    const label = this.label(count), before = this.count;
    this.count = count;
    this.value = value;
    this.badge.hidden = !count;
    this.badge.textContent = text;
    this.badge.setAttribute("aria-label", label);
    if (before !== undefined && before !== count) {
      clearTimeout(this.saying);
      this.saying = setTimeout(() => (this.status.textContent = count ? label : ""), 1000);
    }
    if (this.hasAttribute("tab-title"))
      page.title = (count ? `(${text}) ` : "") + page.title.replace(/^\(\d+\+?\) /, "");
    if (this.hasAttribute("app-badge")) navigator.setAppBadge?.(count)?.catch(() => {});
    this.dispatchEvent(new CustomEvent("unread", { detail: value, bubbles: true }));
  }

  label(count) {
    const language = this.closest("[lang]")?.lang || undefined;
    const given = this.getAttribute("labels");
    const forms = given ? JSON.parse(given) : { one: "# unread notification", other: "# unread notifications" };
    const form = forms[new Intl.PluralRules(language).select(count)] || forms.other;
    return form.replace("#", count.toLocaleString(language));
  }
}

globalThis.customElements?.define("unread-badge", UnreadBadge);
