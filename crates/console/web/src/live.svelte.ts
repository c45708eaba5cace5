// The one live stream, the site's clock, and resources that follow it.
import { get, Refused, type Live as Message, type Status, type User } from "./api";

/** Milliseconds without a word from the server after which what is shown counts as stale; it beats every second. */
const STALE = 3500;

class Live {
  status = $state.raw<Status>();
  user = $state.raw<User>();
  revision = $state(0);
  /** The site's clock, to the second. */
  now = $state(Date.now());
  /** When data last came, by the site's clock; none while it comes. */
  since = $state<number>();
  loggedOut = $state(false);
  /** Whether somebody can see the page; while nobody can, nothing is fetched. */
  seen = $state(!document.hidden);

  #heard = Date.now();
  #ahead = 0;

  /** Follows the stream until the function it gives is called. */
  follow(): () => void {
    get("/api/me").then((user) => (this.user = user), (e: unknown) => this.failed(e));
    let source = this.#open();
    const look = () => (this.seen = !document.hidden);
    document.addEventListener("visibilitychange", look);
    const clock = setInterval(() => {
      this.now = Date.now() + this.#ahead;
      if (Date.now() - this.#heard > STALE) this.since ??= this.#heard + this.#ahead;
      if (source.readyState === EventSource.CLOSED && !this.loggedOut) source = this.#open();
    }, 1000);
    return () => {
      clearInterval(clock);
      document.removeEventListener("visibilitychange", look);
      source.close();
    };
  }

  /** Notes what a failed request says about the login. */
  failed(e: unknown): void {
    if (e instanceof Refused && e.status === 401) this.loggedOut = true;
  }

  #open(): EventSource {
    const source = new EventSource("/api/live");
    source.onmessage = (message) => {
      const { revision, status } = JSON.parse(message.data) as Message;
      this.#ahead = status.now - Date.now();
      this.#hear();
      this.status = status;
      this.revision = revision;
    };
    source.addEventListener("beat", () => this.#hear());
    source.onerror = () => {
      this.since ??= this.#heard + this.#ahead;
      get("/api/me").catch((e: unknown) => this.failed(e));
    };
    return source;
  }

  #hear(): void {
    this.#heard = Date.now();
    this.now = this.#heard + this.#ahead;
    this.since = undefined;
  }
}

export const live = new Live();

/** Milliseconds between two requests for one resource, however fast it changes. */
const REST = 400;

/** A resource that is fetched again whenever something changed; one request at a time. */
export class Shown<T> {
  value = $state.raw<T>();
  error = $state("");
  #load: () => Promise<T>;
  #busy = false;
  #again = false;
  /** The screen was left; what its address said is no longer its own. */
  #left = false;

  constructor(load: () => Promise<T>) {
    this.#load = load;
    $effect(() => {
      void live.revision;
      if (live.seen) void this.fetch();
    });
    $effect(() => () => (this.#left = true));
  }

  async fetch(): Promise<void> {
    if (this.#left) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      do {
        this.#again = false;
        this.value = await this.#load();
        this.error = "";
        if (this.#again) await new Promise((rested) => setTimeout(rested, REST));
      } while (this.#again && !this.#left);
    } catch (e) {
      live.failed(e);
      if (e instanceof Refused) this.error = e.message;
    } finally {
      this.#busy = false;
    }
  }
}
