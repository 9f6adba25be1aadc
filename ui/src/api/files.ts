/** Files of images and containers. */
import {
  commands,
  type FileContent,
  type FileFacts,
  type FilesFound,
  type FileOf,
  type FilesOf,
  type FilesSaved,
  type FileView,
  type GivenFile,
  type MapNode,
  type OutlinePage,
  type OutlineQuery,
  type PullEvent,
  type Waste,
} from "./bindings";
import { hearing, unwrap } from "./call";

export const files = {
  /** Draws lines of an image's tree; with a path to reveal, those around it. */
  fileOutline: (
    target: FilesOf,
    query: OutlineQuery,
    reveal: string | null,
    offset: number,
    limit: number,
  ): Promise<OutlinePage> => unwrap(commands.fileOutline(target, query, reveal, offset, limit)),
  /** The next line from `start` on whose name begins so. */
  findInOutline: (
    target: FilesOf,
    query: OutlineQuery,
    beginning: string,
    start: number,
  ): Promise<number | null> => unwrap(commands.findInOutline(target, query, beginning, start)),
  searchFiles: (target: FilesOf, pattern: string, offset: number, limit: number): Promise<FilesFound> =>
    unwrap(commands.searchFiles(target, pattern, offset, limit)),
  fileFacts: (target: FilesOf, view: FileView, path: string): Promise<FileFacts> =>
    unwrap(commands.fileFacts(target, view, path)),
  /** The start of a file; how much of it depends on what it is. */
  fileContent: (target: FilesOf, view: FileView, path: string): Promise<FileContent> =>
    unwrap(commands.fileContent(target, view, path)),
  fileTreemap: (target: string, view: FileView, folder: string): Promise<MapNode[]> =>
    unwrap(commands.fileTreemap(target, view, folder)),
  waste: (target: string): Promise<Waste> => unwrap(commands.waste(target)),
  /** Asks in a system dialog where a file, or the folder into which a folder, goes; null when it was closed. */
  chooseFilePlace: (suggested: string, folder: boolean): Promise<GivenFile | null> =>
    unwrap(commands.chooseFilePlace(suggested, folder)),
  saveFile(
    operation: string,
    form: { token: string; target: FilesOf; view: FileView; path: string },
    onEvent: (event: PullEvent) => void,
  ): Promise<FilesSaved> {
    const { token, target, view, path } = form;
    return unwrap(commands.saveFile(operation, token, target, view, path, hearing(onEvent)));
  },
  /** Lets the pointer, whose button is down, take a file or a folder out of the window. */
  async dragFile(source: FileOf): Promise<void> {
    await unwrap(commands.dragFile(source));
  },
};
