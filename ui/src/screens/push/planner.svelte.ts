import { api, type PushDestination, type PushPlan } from "../../api";
import { Latest } from "../../state/latest.svelte";
import { NO_PLATFORM, ReferencePlanner } from "../reference_planner.svelte";

/** The value of the platform choice that pushes everything that is here. */
export const EVERYTHING = NO_PLATFORM;

/** What the push dialog asks while somebody types: what would be sent, may it be, and where else could it go? */
export class PushPlanner extends ReferencePlanner<PushPlan> {
  /** The same repository and tag at the other registries that somebody is signed in to. */
  readonly elsewhere = new Latest<PushDestination[]>();
  /** Looked for once: that may ask a keyring. */
  #hosts: Promise<string[]> | null = null;

  constructor(
    /** A name or the target of the image. */
    readonly source: string,
    destination: string,
  ) {
    super();
    this.begin(destination, EVERYTHING);
  }

  override stop(): void {
    super.stop();
    this.elsewhere.stop();
  }

  protected askPlan(destination: string, platform: string | null): Promise<PushPlan> {
    return api.planPush(this.source, destination, platform);
  }

  protected renamed(): void {
    const destination = this.wanted;
    this.elsewhere.ask(async () => {
      this.#hosts ??= api.logins().then((logins) => logins.map((login) => login.host));
      return api.pushElsewhere(destination, await this.#hosts);
    });
  }
}
