import { api } from "../api";

/** What has a name in a place; null where the name is free. */
export interface Holder {
  id: string | null;
  target: string | null;
  created: string | null;
}

/** Looks up what has a name at an engine, or on this computer where `place` is null. Throws what is wrong with the name. */
export async function holderOf(place: string | null, name: string): Promise<Holder> {
  return (await api.nameHolder(place, name)) ?? { id: null, target: null, created: null };
}
