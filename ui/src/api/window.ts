/** What window and shell tell each other. */
import {
  commands,
  events,
  type DragReturned,
  type FileDropped,
  type GivenFile,
  type ImagesDropped,
} from "./bindings";
import { unwrap } from "./call";

/** Stops listening. */
export type Unlisten = () => void;

export const window = {
  /** Tells the shell that the first real frame is on screen. */
  async ready(): Promise<void> {
    await unwrap(commands.ready());
  },

  /** Draws everything larger or smaller, in percent of the usual. */
  async zoom(percent: number): Promise<void> {
    await unwrap(commands.zoom(percent));
  },

  /** Calls back after anything in the store changed, from this window, another one or the command line. */
  onStoreChanged: (listener: (generation: number) => void): Promise<Unlisten> =>
    events.storeChanged.listen((event) => {
      listener(event.payload.generation);
    }),
  /** Calls back when files are held over the window, with how many; 0 when they have left. */
  onFilesHover: (listener: (count: number) => void): Promise<Unlisten> =>
    events.filesHover.listen((event) => {
      listener(event.payload.count);
    }),
  /** Calls back when files were dropped on the window. */
  onFilesDropped: (listener: (files: GivenFile[]) => void): Promise<Unlisten> =>
    events.filesDropped.listen((event) => {
      listener(event.payload.files);
    }),
  /** Calls back when images were dropped on another program, which waits until `save` has written the file. */
  onImagesDropped: (listener: (dropped: ImagesDropped) => void): Promise<Unlisten> =>
    events.imagesDropped.listen((event) => {
      listener(event.payload);
    }),
  /** Calls back when a file or folder was dropped on another program, which waits until `saveFile` has written it. */
  onFileDropped: (listener: (dropped: FileDropped) => void): Promise<Unlisten> =>
    events.fileDropped.listen((event) => {
      listener(event.payload);
    }),
  /** Calls back when a clicked notification asks for an image. */
  onFocusImage: (listener: (target: string) => void): Promise<Unlisten> =>
    events.focusImage.listen((event) => {
      listener(event.payload.target);
    }),
  /** Calls back where what was dragged out of the window is over it again, and when that ends. */
  onDragReturned: (listener: (returned: DragReturned) => void): Promise<Unlisten> =>
    events.dragReturned.listen((event) => {
      listener(event.payload);
    }),
};
