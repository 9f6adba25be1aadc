/** Archives and other files that the user gave. */
import {
  commands,
  type ChosenImage,
  type GivenFile,
  type LoadOutcome,
  type LoadPlan,
  type PullEvent,
  type SaveCompression,
  type SaveFormat,
  type SaveOutcome,
} from "./bindings";
import { hearing, unwrap } from "./call";

export const archives = {
  /** Asks for archives in a system dialog; none when it was closed. */
  chooseArchives: (): Promise<GivenFile[]> => unwrap(commands.chooseArchives()),
  /** Asks in a system dialog where an archive goes; null when it was closed. */
  chooseArchivePlace: (suggested: string): Promise<GivenFile | null> =>
    unwrap(commands.chooseArchivePlace(suggested)),
  /** Looks into a file that the user gave. Nothing is loaded. */
  planLoad: (operation: string, token: string): Promise<LoadPlan> =>
    unwrap(commands.planLoad(operation, token)),
  load(
    operation: string,
    token: string,
    chosen: ChosenImage[],
    onEvent: (event: PullEvent) => void,
  ): Promise<LoadOutcome> {
    return unwrap(commands.load(operation, token, chosen, hearing(onEvent)));
  },
  importRoot(
    operation: string,
    form: { token: string; name: string; message: string; changes: string[] },
    onEvent: (event: PullEvent) => void,
  ): Promise<LoadOutcome> {
    const { token, name, message, changes } = form;
    return unwrap(commands.import(operation, token, name, message, changes, hearing(onEvent)));
  },
  save(
    operation: string,
    form: {
      token: string;
      images: string[];
      format: SaveFormat;
      compression: SaveCompression;
      /** Only these of an image that has several; all that are here when empty. */
      platforms: string[];
    },
    onEvent: (event: PullEvent) => void,
  ): Promise<SaveOutcome> {
    const { token, images, format, compression, platforms } = form;
    return unwrap(commands.save(operation, token, images, format, compression, platforms, hearing(onEvent)));
  },
  /** Lets the pointer, whose button is down, take images out of the window as a file that is called `name`. */
  async dragImages(images: string[], name: string): Promise<void> {
    await unwrap(commands.dragImages(images, name));
  },
};
