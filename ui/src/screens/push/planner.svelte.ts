import { api, type Completion, type PushDestination, type PushPlan } from "../../api";
import { Latest } from "../../state/latest.svelte";

const PLAN_PAUSE_MS = 350;
const COMPLETION_PAUSE_MS = 120;

/** The value of the platform choice that pushes everything that is here. */
export const EVERYTHING = "";

/** What the push dialog asks while somebody types: what would be sent, and may it be. */
export class PushPlanner {
  destination = $state("");
  platform = $state(EVERYTHING);
  readonly plan = new Latest<PushPlan>();
  readonly completions = new Latest<Completion[]>();
  /** The same repository and tag at the other registries that somebody is signed in to. */
  readonly elsewhere = new Latest<PushDestination[]>();

  /** Looked for once: that may ask a keyring. */
  #hosts: Promise<string[]> | null = null;

  readonly wanted = $derived(this.destination.trim());
  readonly wantedPlatform = $derived(this.platform === EVERYTHING ? null : this.platform);
  /** The answer belongs to what stands in the field now. */
  readonly isCurrent = $derived(!this.plan.pending && this.plan.answer !== null);

  constructor(
    /** A name or the target of the image. */
    readonly source: string,
    destination: string,
  ) {
    this.destination = destination;
    this.#askElsewhere();
    if (this.wanted !== "") this.#ask(0);
  }

  /** Takes a keystroke in. */
  type(destination: string): void {
    if (destination === this.destination) return;
    this.destination = destination;
    this.#askElsewhere();
    this.#ask(PLAN_PAUSE_MS);
    const text = this.wanted;
    if (text === "") this.completions.clear();
    else this.completions.ask(() => api.completeReference(text), COMPLETION_PAUSE_MS);
  }

  /** Takes one of the completions and asks at once. */
  complete(destination: string): void {
    this.destination = destination;
    this.completions.clear();
    this.#askElsewhere();
    this.#ask(0);
  }

  choosePlatform(platform: string): void {
    if (platform === this.platform) return;
    this.platform = platform;
    this.#ask(0);
  }

  /** Asks the same again, after the reason of a refusal may have gone. */
  askAgain(): void {
    this.#ask(0);
  }

  /** Drops every question, when the dialog goes. */
  stop(): void {
    this.plan.stop();
    this.completions.stop();
    this.elsewhere.stop();
  }

  #askElsewhere(): void {
    const destination = this.wanted;
    this.elsewhere.ask(async () => {
      this.#hosts ??= api.logins().then((logins) => logins.map((login) => login.host));
      return api.pushElsewhere(destination, await this.#hosts);
    });
  }

  #ask(pause: number): void {
    const [source, destination, platform] = [this.source, this.wanted, this.wantedPlatform];
    if (destination === "") this.plan.clear();
    else this.plan.ask(() => api.planPush(source, destination, platform), pause);
  }
}
