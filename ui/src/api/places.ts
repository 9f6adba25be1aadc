/** Other engines, and copies between places. */
import {
  commands,
  type PlaceCommitForm,
  type CopyEnd,
  type CopyOutcome,
  type ImagePage,
  type ImageQuery,
  type Place,
  type PlaceChange,
  type PlaceContainer,
  type PlaceImage,
  type PlacePlan,
  type PlaceState,
  type PullEvent,
  type Removed,
  type Selection,
  type TagMove,
  type TagPlan,
} from "./bindings";
import { hearing, unwrap } from "./call";

export const places = {
  places: (): Promise<Place[]> => unwrap(commands.places()),
  /** Connects and asks who it is, or throws why it cannot be used. */
  placeState: (place: string): Promise<PlaceState> => unwrap(commands.placeState(place)),
  placeImages: (place: string, query: ImageQuery): Promise<ImagePage> =>
    unwrap(commands.placeImages(place, query)),
  placeImage: (place: string, image: string): Promise<PlaceImage> =>
    unwrap(commands.placeImage(place, image)),
  planPlaceTag: (place: string, source: string, name: string): Promise<TagPlan> =>
    unwrap(commands.planPlaceTag(place, source, name)),
  placeTag: (place: string, source: string, name: string): Promise<TagMove> =>
    unwrap(commands.placeTag(place, source, name)),
  planPlaceRemoval: (place: string, selections: Selection[], force: boolean): Promise<PlacePlan> =>
    unwrap(commands.planPlaceRemoval(place, selections, force)),
  planPlacePrune: (place: string, all: boolean): Promise<PlacePlan> =>
    unwrap(commands.planPlacePrune(place, all)),
  executePlacePlan: (planId: string): Promise<Removed> => unwrap(commands.executePlacePlan(planId)),
  placeContainers: (place: string): Promise<PlaceContainer[]> => unwrap(commands.placeContainers(place)),
  placeContainerChanges: (place: string, container: string): Promise<PlaceChange[]> =>
    unwrap(commands.placeContainerChanges(place, container)),
  /** Makes an image of a container of an engine, in that engine; resolves to its ID. */
  commitPlaceContainer: (place: string, container: string, form: PlaceCommitForm): Promise<string> =>
    unwrap(commands.commitPlaceContainer(place, container, form)),
  copy(
    operation: string,
    form: { from: CopyEnd; to: CopyEnd; keepNames: boolean },
    onEvent: (event: PullEvent) => void,
  ): Promise<CopyOutcome> {
    return unwrap(commands.copy(operation, form.from, form.to, form.keepNames, hearing(onEvent)));
  },
};
