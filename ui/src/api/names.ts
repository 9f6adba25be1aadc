/** Names of images: giving, moving, removing, and taking back. */
import {
  commands,
  type ChangeId,
  type JournalEntry,
  type MovedFrom,
  type Plan,
  type Removed,
  type Selection,
  type TagMove,
  type TagPlan,
  type Undoable,
  type Undone,
} from "./bindings";
import { unwrap } from "./call";

export const names = {
  /** Tells which image has a name at an engine, or on this computer where `place` is null; null where it is free. */
  nameHolder: (place: string | null, name: string): Promise<MovedFrom | null> =>
    unwrap(commands.nameHolder(place, name)),
  planTag: (source: string, name: string): Promise<TagPlan> => unwrap(commands.planTag(source, name)),
  tag: (source: string, name: string): Promise<TagMove> => unwrap(commands.tag(source, name)),

  planRemoval: (selections: Selection[], force: boolean): Promise<Plan> =>
    unwrap(commands.planRemoval(selections, force)),
  planPrune: (all: boolean): Promise<Plan> => unwrap(commands.planPrune(all)),
  /** Does exactly what the plan said, or throws `plan_stale` and does nothing. */
  executePlan: (planId: string): Promise<Removed> => unwrap(commands.executePlan(planId)),

  /** Takes the last change back, or only this one: throws `plan_stale` where another came after it. */
  undo: (only: ChangeId | null): Promise<Undone> => unwrap(commands.undo(only)),
  undoable: (): Promise<Undoable | null> => unwrap(commands.undoable()),
  journal: (name: string | null): Promise<JournalEntry[]> => unwrap(commands.journal(name)),
};
