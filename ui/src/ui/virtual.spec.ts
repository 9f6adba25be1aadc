import { cellsTouched, columnsFor, drawnRows, scrollToShow, Slots, visibleRows } from "./virtual";

test("only the rows around the viewport are drawn, however long the list", () => {
  expect(visibleRows(400_000, 800, 40, 10_000, 3)).toEqual({ first: 9997, end: 10_000 });
  expect(visibleRows(0, 800, 40, 10_000, 3)).toEqual({ first: 0, end: 23 });
  expect(visibleRows(0, 800, 40, 0, 3)).toEqual({ first: 0, end: 0 });
});

test("the row with the focus stays drawn out of sight", () => {
  expect(drawnRows({ first: 10, end: 12 }, 3, 100)).toEqual([3, 10, 11]);
  expect(drawnRows({ first: 10, end: 12 }, 11, 100)).toEqual([10, 11]);
});

test("columns never go below one", () => {
  expect(columnsFor(100, 268, 12)).toBe(1);
  expect(columnsFor(828, 268, 12)).toBe(3);
});

test("a row in sight does not scroll, one below does by the least", () => {
  expect(scrollToShow(2, 40, 0, 400, 0)).toBeNull();
  expect(scrollToShow(10, 40, 0, 400, 0)).toBe(40);
});

test("a band touches the cells it crosses and no cell of the gap", () => {
  const grid = { columns: 2, cellWidth: 100, cellHeight: 50, gap: 10, count: 3 };
  expect(cellsTouched({ left: 0, top: 0, right: 200, bottom: 100 }, grid)).toEqual([0, 1, 2]);
  expect(cellsTouched({ left: 101, top: 0, right: 109, bottom: 40 }, grid)).toEqual([]);
});

test("a row keeps its slot while it is drawn, and one that comes takes the slot of one that went", () => {
  const slots = new Slots();
  expect(slots.assign([0, 1, 2]).map(({ slot }) => slot)).toEqual([0, 1, 2]);
  expect(slots.assign([1, 2, 3])).toEqual([
    { row: 1, slot: 1 },
    { row: 2, slot: 2 },
    { row: 3, slot: 0 },
  ]);
  expect(slots.assign([2])).toEqual([{ row: 2, slot: 2 }]);
  const all = slots.assign([2, 7, 8, 9]).map(({ slot }) => slot);
  expect(new Set(all).size).toBe(4);
  expect(Math.max(...all)).toBe(3);
});
