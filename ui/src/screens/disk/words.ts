import type { Problem } from "../../api";

const KINDS: Record<string, string> = {
  blob_missing: "A blob is missing",
  blob_not_a_file: "A blob is not a file",
  blob_size: "A blob has the wrong size",
  blob_content: "A blob holds other bytes than its digest says",
  unknown_blob: "A blob that no record knows",
  strange_file: "A file that does not belong to the store",
  document: "A manifest or config cannot be read",
  missing_blob_row: "An image needs a blob that no record knows",
  counters: "The sizes on record do not add up",
  layer_index: "A layer's list of files is damaged",
  unknown_index: "A list of files without a layer",
  mirror: "index.json differs from the names on record",
  layout: "The oci-layout file is wrong",
  database: "The index database is damaged",
};

/** What is wrong, in words; a kind that is new to this window keeps its stable word. */
export function problemTitle(problem: Problem): string {
  return KINDS[problem.kind] ?? problem.kind.replaceAll("_", " ");
}
