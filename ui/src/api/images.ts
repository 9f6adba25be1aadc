/** Images of this computer: what is in them, and how two of them differ. */
import {
  commands,
  type Comparison,
  type DifferenceQuery,
  type DifferencesPage,
  type ImageAddress,
  type ImageDetail,
  type ImageDocument,
  type ImagePage,
  type ImageQuery,
  type Lineage,
  type PullEvent,
  type Software,
  type TextDifference,
} from "./bindings";
import { hearing, unwrap } from "./call";

export const images = {
  images: (query: ImageQuery): Promise<ImagePage> => unwrap(commands.images(query)),
  image: (target: string): Promise<ImageDetail> => unwrap(commands.image(target)),
  imageDocuments: (target: string): Promise<ImageDocument[]> => unwrap(commands.imageDocuments(target)),
  /** Which images that are here an image was made of, and which were made of it. */
  imageLineage: (target: string): Promise<Lineage> => unwrap(commands.imageLineage(target)),
  /** The packages that the package managers of an image know. */
  imageSoftware: (target: string): Promise<Software> => unwrap(commands.imageSoftware(target)),

  /** Compares two images of any place. Nothing is stored; `cancel` with the same operation stops it. */
  compare: (
    operation: string,
    a: ImageAddress,
    b: ImageAddress,
    onEvent: (event: PullEvent) => void,
  ): Promise<Comparison> => unwrap(commands.compare(operation, a, b, hearing(onEvent))),
  comparedFiles: (comparison: string, query: DifferenceQuery): Promise<DifferencesPage> =>
    unwrap(commands.comparedFiles(comparison, query)),
  /** The text of one of the files that differ, line by line. */
  compareText: (comparison: string, file: number): Promise<TextDifference> =>
    unwrap(commands.compareText(comparison, file)),
};
