import { expect, it, vi } from "vitest";
import { held } from "../test/engine";
import { PAGE, Pages, type Page } from "./pages.svelte";

function numbers(total: number): (offset: number, limit: number) => Promise<Page<number>> {
  return (offset, limit) =>
    Promise.resolve({
      total,
      rows: Array.from(
        { length: Math.max(0, Math.min(limit, total - offset)) },
        (_, index) => offset + index,
      ),
    });
}

it("has the rows that were looked at, and asks for each page once", async () => {
  const asked: number[] = [];
  const pages = new Pages<number>();
  const fetch = numbers(1000);
  await pages.show((offset, limit) => {
    asked.push(offset);
    return fetch(offset, limit);
  });
  expect(pages.total).toBe(1000);
  expect(pages.row(PAGE - 1)).toBe(PAGE - 1);
  expect(pages.row(700)).toBeUndefined();
  pages.need(690, 810);
  pages.need(695, 805);
  await expect.poll(() => pages.row(805)).toBe(805);
  expect(asked).toEqual([0, 600, 800]);
});

it("keeps the rows of before until the next list is here, and drops one that was overtaken", async () => {
  const pages = new Pages<number>();
  await pages.show(numbers(3));
  const slow = held<Page<number>>();
  const overtaken = pages.show(() => slow.promise);
  expect(pages.row(2)).toBe(2);
  await pages.show(numbers(1));
  slow.settle({ total: 9, rows: [9] });
  expect(await overtaken).toBe(false);
  expect([pages.total, pages.row(0), pages.row(2)]).toEqual([1, 0, undefined]);
});

it("asks for nothing of the list before once the next is on its way, but for the same part of that one", async () => {
  const before = vi.fn(numbers(1000));
  const pages = new Pages<number>();
  await pages.show(before);
  const slow = held<Page<number>>();
  const offsets: number[] = [];
  const shown = pages.show(async (offset, limit) => {
    offsets.push(offset);
    const { total, rows } = await (offset === 0 ? slow.promise : numbers(1000)(offset, limit));
    return { total, rows: rows.map((row) => -row) };
  });
  pages.need(610, 650);
  expect([before.mock.calls.length, offsets]).toEqual([1, [0]]);
  slow.settle(await numbers(1000)(0, PAGE));
  expect(await shown).toBe(true);
  await expect.poll(() => pages.row(610)).toBe(-610);
  expect([before.mock.calls.length, offsets]).toEqual([1, [0, 600]]);
});

it("takes rows in where the answer says they are", async () => {
  const pages = new Pages<string>();
  await pages.show(() => Promise.resolve({ total: 500, offset: 240, rows: ["a", "b"] }));
  expect([pages.row(239), pages.row(240), pages.row(241)]).toEqual([undefined, "a", "b"]);
});

it("tells why there is no list", async () => {
  const pages = new Pages<number>();
  await pages.show(() => Promise.reject(new Error("no disk")));
  expect(pages.error?.message).toBe("no disk");
  expect([pages.total, pages.pending]).toEqual([0, false]);
});
