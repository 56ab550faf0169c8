// Clients of the live badge without a browser: each runs the element's own protocol, with the cookie of a user.
//
//     node live_clients.mjs MODULE < lines of JSON
//
// The first line is a list of [url, src, poll, cookie]; each of the others a command: ["cut", n], ["sleep", n],
// ["wake", n], or ["report"], which is answered by what each client shows, and for how many milliseconds it has been
// connected, or null.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { Feed } = await import(pathToFileURL(process.argv[2]).href);
const clients = [];

class Client {
  constructor([url, src, poll, cookie]) {
    Object.assign(this, { url, cookie, shown: null, since: null, open: new Set() });
    const request = (path, init) => this.request(path, init);
    this.feed = new Feed(src, poll, (value) => (this.shown = value), { interval: 2, request, shared: false });
    this.feed.start();
  }

  async request(path, init) {
    const cut = new AbortController();
    const signal = init.signal ? AbortSignal.any([init.signal, cut.signal]) : cut.signal;
    const headers = { ...init.headers, Cookie: this.cookie };
    const response = await fetch(this.url + path, { ...init, signal, headers });
    if (!path.endsWith("/live/") || !response.ok) return response;
    const since = (this.since = Date.now());
    const over = () => {
      this.open.delete(cut);
      if (this.since === since) this.since = null;
    };
    this.open.add(cut);
    signal.addEventListener("abort", over);
    const [watched, given] = response.body.tee();
    watched.pipeTo(new WritableStream()).then(over, over);
    return new Response(given, { status: response.status, headers: response.headers });
  }

  cut() {
    for (const one of this.open) one.abort();
  }

  report() {
    return [this.shown?.unread ?? null, this.since && Date.now() - this.since];
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  if (!clients.length) for (const one of said) clients.push(new Client(one));
  else if (said[0] === "cut") clients[said[1]].cut();
  else if (said[0] === "sleep") clients[said[1]].feed.stop();
  else if (said[0] === "wake") clients[said[1]].feed.start();
  else console.log(JSON.stringify(clients.map((client) => client.report())));
}
process.exit();
