/** The rows to draw: from `first` up to but not including `end`. */
export interface RowRange {
  first: number;
  end: number;
}

/**
 * The rows of fixed height that a scrolled window shows, with `overscan` rows on each side so that a frame of scrolling
 * shows no gap.
 */
export function visibleRows(
  scrollTop: number,
  viewport: number,
  rowHeight: number,
  rows: number,
  overscan: number,
): RowRange {
  if (rows === 0 || rowHeight <= 0) return { first: 0, end: 0 };
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight) - overscan;
  const end = Math.ceil((Math.max(0, scrollTop) + viewport) / rowHeight) + overscan;
  return { first: clamp(first, 0, rows - 1), end: clamp(end, 1, rows) };
}

/** The columns of at least `minWidth` that fit; one when not even that fits. */
export function columnsFor(width: number, minWidth: number, gap: number): number {
  return Math.max(1, Math.floor((width + gap) / (minWidth + gap)));
}

/**
 * The scroll position that brings a row into sight with the least movement, or null when it is in sight already.
 * `inset` is what covers the top of the viewport, such as a sticky header.
 */
export function scrollToShow(
  row: number,
  rowHeight: number,
  scrollTop: number,
  viewport: number,
  margin: number,
  inset = 0,
): number | null {
  const top = row * rowHeight;
  const bottom = top + rowHeight;
  if (top - margin < scrollTop) return Math.max(0, top - margin);
  if (bottom + margin > scrollTop + viewport - inset) return bottom + margin - viewport + inset;
  return null;
}

/** Indices of the rows to draw: the visible ones, and one kept alive because it has the focus. */
export function drawnRows(range: RowRange, keep: number | null, rows: number): number[] {
  const drawn: number[] = [];
  for (let row = range.first; row < range.end; row++) drawn.push(row);
  if (keep !== null && keep >= 0 && keep < rows) {
    if (keep < range.first) drawn.unshift(keep);
    else if (keep >= range.end) drawn.push(keep);
  }
  return drawn;
}

/** A drawn row and the place in the page that draws it. */
export interface SlottedRow {
  row: number;
  slot: number;
}

/**
 * Gives every drawn row a slot, which it keeps as long as it is drawn; a row that comes takes the slot of one that went.
 * Keyed by slots, a scrolled list changes what its elements say instead of making new ones for every row. What stays is the
 * same object as before, so that nothing looks at it again.
 */
export class Slots {
  #drawn = new Map<number, SlottedRow>();
  #free: number[] = [];
  #made = 0;

  assign(drawn: readonly number[]): SlottedRow[] {
    const staying = new Set(drawn);
    for (const [row, { slot }] of this.#drawn) {
      if (staying.has(row)) continue;
      this.#drawn.delete(row);
      this.#free.push(slot);
    }
    return drawn.map((row) => {
      const slotted = this.#drawn.get(row) ?? { row, slot: this.#free.pop() ?? this.#made++ };
      this.#drawn.set(row, slotted);
      return slotted;
    });
  }
}

/** A rectangle in content pixels, for the rubber band. */
export interface Band {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Indices of the grid's cells that a rectangle touches; the gaps between cells belong to none. */
export function cellsTouched(
  band: Band,
  grid: { columns: number; cellWidth: number; cellHeight: number; gap: number; count: number },
): number[] {
  const { columns, cellWidth, cellHeight, gap, count } = grid;
  const touched = (from: number, to: number, size: number, last: number): [number, number] => {
    const start = Math.max(0, Math.floor((from + gap) / (size + gap)));
    const stop = Math.min(last, Math.floor(to / (size + gap)));
    return [start, stop];
  };
  const [firstColumn, lastColumn] = touched(band.left, band.right, cellWidth, columns - 1);
  const [firstRow, lastRow] = touched(band.top, band.bottom, cellHeight, Math.ceil(count / columns) - 1);
  const cells: number[] = [];
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = firstColumn; column <= lastColumn; column++) {
      const index = row * columns + column;
      if (index < count) cells.push(index);
    }
  }
  return cells;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
