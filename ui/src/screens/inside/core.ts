import type { HistoryRow, ImageDetail, LayerRow } from "../../api";

/** A piece of the core: a layer, or a step that made none. */
export interface CorePiece {
  key: string;
  /** The layer's number, from 1; null for a step that only set something. */
  number: number | null;
  layer: LayerRow | null;
  /** The step that made it, where the image's history tells. */
  step: HistoryRow | null;
}

/** Lays the layers of an image and the steps between them on each other, the newest on top. */
export function corePieces(detail: Pick<ImageDetail, "history" | "layers">): CorePiece[] {
  const steps = new Map<number, HistoryRow>();
  for (const step of detail.history) if (step.layer !== null) steps.set(step.layer, step);
  // A history that does not tell of every layer says nothing about where its other steps belong.
  const whole = detail.layers.every((_, index) => steps.has(index));
  if (!whole) {
    return detail.layers
      .map((layer, index): CorePiece => ({
        key: `layer ${String(index)}`,
        number: index + 1,
        layer,
        step: steps.get(index) ?? null,
      }))
      .reverse();
  }
  return detail.history.map((step, index): CorePiece => {
    const layer = step.layer === null ? null : (detail.layers[step.layer] ?? null);
    return {
      key: `step ${String(index)}`,
      number: layer === null || step.layer === null ? null : step.layer + 1,
      layer,
      step,
    };
  });
}

/** How thick a piece of the core is, in pixels: its area follows the size, and a small one can still be read and clicked. */
export function thickness(layer: LayerRow): number {
  return Math.round(Math.min(132, 46 + Math.sqrt(layer.contentSize ?? layer.size) / 300));
}
