import { api, toApiError, type ApiError, type PlacePlan, type Plan, type Removed } from "../../api";
import type { PlanRequest } from "../../state/dialogs.svelte";
import { Latest } from "../../state/latest.svelte";
import { places } from "../../state/places.svelte";

/** A removal or prune from the question to the deed: ask, show, do exactly that, or ask again. */
export class Planning {
  readonly plan = new Latest<Plan>();
  /** Take what docker's rules let go only when forced. */
  force = $state(false);
  /** Prune also what has a name, where nothing uses it. */
  all = $state(false);
  /** Containers that go too, at an engine that takes them along. */
  containers = $state.raw<string[]>([]);
  /** Whether it is told how many bytes come back. */
  countsBytes = $state(true);
  executing = $state(false);
  /** The images changed while the plan was on screen, and it was made anew. */
  renewed = $state(false);
  executionError = $state.raw<ApiError | null>(null);

  constructor(readonly request: PlanRequest) {
    this.ask();
  }

  ask(): void {
    this.executionError = null;
    const { request, force, all } = this;
    this.plan.ask(() => {
      const { place } = request;
      if (request.kind === "prune") {
        return place === undefined ? api.planPrune(all) : this.#elsewhere(api.planPlacePrune(place, all));
      }
      const { selections } = request;
      return place === undefined
        ? api.planRemoval(selections, force)
        : this.#elsewhere(api.planPlaceRemoval(place, selections, force));
    });
  }

  async #elsewhere(planned: Promise<PlacePlan>): Promise<Plan> {
    const { plan, containers, countsBytes } = await planned;
    this.containers = containers;
    this.countsBytes = countsBytes;
    return plan;
  }

  setForce(force: boolean): void {
    this.force = force;
    this.ask();
  }

  setAll(all: boolean): void {
    this.all = all;
    this.ask();
  }

  /**
   * Does what the plan says and gives back what went.
   *
   * Gives null when nothing was done: refused, or stale, in which case a new plan is on its way to the screen.
   */
  async execute(): Promise<Removed | null> {
    const plan = this.plan.answer;
    if (!plan || this.plan.pending || this.executing) return null;
    this.executing = true;
    this.executionError = null;
    try {
      const { place } = this.request;
      if (place === undefined) return await api.executePlan(plan.planId);
      const removed = await api.executePlacePlan(plan.planId);
      places.changed(place);
      return removed;
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code === "plan_stale") {
        this.renewed = true;
        this.ask();
      } else {
        this.executionError = error;
      }
      return null;
    } finally {
      this.executing = false;
    }
  }
}
