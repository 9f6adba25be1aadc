import { BandSelection } from "./band.svelte";

const surface = {
  contentPoint: (x: number, y: number) => ({ x, y: y + 100 }),
  cellsIn: (band: { top: number; bottom: number }) => (band.bottom - band.top > 50 ? [0, 1] : [0]),
};

function at(clientX: number, clientY: number, button = 0): PointerEvent {
  return { clientX, clientY, button } as PointerEvent;
}

test("a band selects what it touches, in whichever direction it is drawn", () => {
  const drawn = new BandSelection();
  drawn.press(surface, at(50, 80));
  expect(drawn.move(surface, at(20, 20))).toEqual([0, 1]);
  expect(drawn.band).toEqual({ left: 20, right: 50, top: 120, bottom: 180 });
  drawn.release();
  expect(drawn.band).toBeNull();
  expect([drawn.takesClick(), drawn.takesClick()]).toEqual([true, false]);
});

test("an unsteady hand and another button draw none", () => {
  const drawn = new BandSelection();
  drawn.press(surface, at(10, 10));
  expect(drawn.move(surface, at(12, 11))).toBeNull();
  drawn.release();
  expect(drawn.takesClick()).toBe(false);
  drawn.press(surface, at(10, 10, 2));
  expect(drawn.move(surface, at(90, 90))).toBeNull();
});
