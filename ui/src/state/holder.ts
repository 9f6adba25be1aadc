import { api, toApiError } from "../api";

/** What has a name in a place; null where the name is free. */
export interface Holder {
  id: string | null;
  created: string | null;
}

/** Looks up what has a name at an engine, or on this computer where `place` is null. Throws what is wrong with the name. */
export async function holderOf(place: string | null, name: string): Promise<Holder> {
  try {
    const { row } = place === null ? await api.image(name) : await api.placeImage(place, name);
    return { id: row.id, created: row.created };
  } catch (thrown) {
    const error = toApiError(thrown);
    if (error.code === "not_found") return { id: null, created: null };
    throw error;
  }
}
