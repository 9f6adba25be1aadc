import { api, type Completion, type KnownLogin, type PushPlan } from "../../api";
import { Latest } from "../../state/latest.svelte";
import { withHost } from "../../text/host";

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
  readonly logins = new Latest<KnownLogin[]>();

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
    this.logins.ask(() => api.logins());
    if (this.wanted !== "") this.#ask(0);
  }

  /** Takes a keystroke in. */
  type(destination: string): void {
    if (destination === this.destination) return;
    this.destination = destination;
    this.#ask(PLAN_PAUSE_MS);
    const text = this.wanted;
    if (text === "") this.completions.clear();
    else this.completions.ask(() => api.completeReference(text), COMPLETION_PAUSE_MS);
  }

  /** Takes one of the completions and asks at once. */
  complete(destination: string): void {
    this.destination = destination;
    this.completions.clear();
    this.#ask(0);
  }

  /** Keeps the repository and tag, and sends them to another registry. */
  chooseHost(host: string): void {
    this.complete(withHost(this.wanted, host));
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
    this.logins.stop();
  }

  #ask(pause: number): void {
    const [source, destination, platform] = [this.source, this.wanted, this.wantedPlatform];
    if (destination === "") this.plan.clear();
    else this.plan.ask(() => api.planPush(source, destination, platform), pause);
  }
}
