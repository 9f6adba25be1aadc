import { waitFor } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import type { ImagePage, ImageQuery, ImageRow } from "../api";
import { held, imageRow } from "../test/engine";
import { ImageList } from "./images.svelte";

const ROWS = Array.from({ length: 250 }, (_, index) => imageRow(`app${String(index)}`));

/** Answers as the engine does: a part of the rows whose name has the filter's words. */
function answer({ filter, offset, limit }: ImageQuery, rows: ImageRow[] = ROWS): Promise<ImagePage> {
  const taken = rows.filter((row) => (row.names[0]?.familiar ?? "").includes(filter));
  return Promise.resolve({
    total: taken.length,
    totalAll: rows.length,
    totalSize: 0,
    rows: taken.slice(offset, offset + limit),
  });
}

async function listed(): Promise<{ list: ImageList; ask: ReturnType<typeof vi.fn<typeof answer>> }> {
  const ask = vi.fn((query: ImageQuery) => answer(query));
  const list = new ImageList(ask);
  await list.refresh();
  return { list, ask };
}

describe("the list of images", () => {
  it("finds rows of pages that were never on screen, in its own order", async () => {
    const { list, ask } = await listed();
    const rows = await list.find(["sha256:target-of-app240", "sha256:target-of-app3", "sha256:gone"]);
    expect(rows.map((row) => row.names[0]?.familiar)).toEqual(["app3", "app240"]);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("selects nothing that the filter does not take", async () => {
    const { list } = await listed();
    list.selection.replace(await list.targets(0, 249));
    expect(list.selection.targets.size).toBe(250);
    await list.ask({ filter: "app24" });
    await waitFor(() => {
      expect(list.selection.targets.size).toBe(11);
    });
    await list.ask({ filter: "nothing" });
    await waitFor(() => {
      expect(list.selection.targets.size).toBe(0);
    });
  });

  it("asks once for what is typed, and fetches pages of the old question until then", async () => {
    const { list, ask } = await listed();
    list.type("app");
    list.type("app1");
    list.show(120, 130);
    expect(ask.mock.lastCall?.[0]).toMatchObject({ filter: "", offset: 100 });
    await waitFor(() => {
      expect(ask.mock.lastCall?.[0]).toMatchObject({ filter: "app1" });
    });
    expect(ask.mock.calls.filter(([query]) => query.filter === "app")).toEqual([]);
  });

  it("keeps pages of a new question out of the answer to the old one", async () => {
    const page = held<ImagePage>();
    const offsets: (number | null)[] = [];
    const list = new ImageList((query) => {
      if (query.sort !== "name") return answer(query);
      offsets.push(query.offset);
      return offsets.length === 1 ? page.promise : answer(query);
    });
    await list.refresh();
    const asking = list.ask({ sort: "name", descending: false });
    list.show(200, 220);
    expect(offsets).toEqual([0]);
    page.settle(await answer({ filter: "", sort: "name", descending: false, offset: 0, limit: 100 }));
    await asking;
    expect(offsets).toEqual([0, 100, 200]);
  });

  it("selects all that was asked for, or nothing", async () => {
    const list = new ImageList((query) =>
      query.offset === 200 ? Promise.reject(new Error("the store went away")) : answer(query),
    );
    await list.refresh();
    expect(await list.targets(0, 199)).toHaveLength(200);
    expect(await list.targets(0, 249)).toEqual([]);
    expect(list.error).not.toBeNull();
  });

  it("keeps what is near, and asks again for what was scrolled past long ago", async () => {
    const many = Array.from({ length: 3000 }, (_, index) => imageRow(`app${String(index)}`));
    const ask = vi.fn((query: ImageQuery) => answer(query, many));
    const list = new ImageList(ask);
    await list.refresh();
    list.selection.place(2950);
    for (let first = 0; first < 2900; first += 50) {
      list.show(first, first + 20);
      await waitFor(() => expect(list.row(first)).toBeDefined(), { interval: 1 });
    }
    expect(ask).toHaveBeenCalledTimes(30);
    expect(list.row(2300)).toBeDefined();
    const here = many.filter((row) => list.rowOf(row.target));
    expect(here.length).toBeLessThanOrEqual(1200);
    expect(list.row(0)).toBeUndefined();
    list.show(0, 20);
    await waitFor(() => {
      expect(list.row(0)).toBeDefined();
    });
    expect(await list.targets(0, 2999)).toHaveLength(3000);
  });

  it("keeps the row of the cursor, however far the list is scrolled past it", async () => {
    const many = Array.from({ length: 2000 }, (_, index) => imageRow(`app${String(index)}`));
    const list = new ImageList((query) => answer(query, many));
    await list.refresh();
    await list.targets(0, 299);
    list.selection.place(150);
    list.show(1900, 1920);
    expect([list.row(50), list.row(150), list.row(250)].map((row) => row?.target)).toEqual([
      undefined,
      "sha256:target-of-app150",
      undefined,
    ]);
    list.selection.place(1900);
    list.show(1900, 1920);
    expect(list.row(150)).toBeUndefined();
  });

  it("finds rows of a page that was scrolled to while it waited for another", async () => {
    const late = held<ImagePage>();
    const ask = vi.fn((query: ImageQuery) => (query.offset === 100 ? late.promise : answer(query)));
    const list = new ImageList(ask);
    await list.refresh();
    ask.mockClear();
    const found = list.find(["sha256:target-of-app150", "sha256:target-of-app240"]);
    await waitFor(() => expect(ask).toHaveBeenCalledOnce());
    list.show(260, 280);
    await waitFor(() => expect(list.row(240)).toBeDefined());
    late.settle(await answer({ filter: "", sort: "created", descending: true, offset: 100, limit: 100 }));
    expect((await found).map((row) => row.names[0]?.familiar)).toEqual(["app150", "app240"]);
    expect(ask.mock.calls.map(([query]) => query.offset)).toEqual([100, 200]);
  });

  it("takes the rows of the newest question, whatever was asked for before it", async () => {
    const list = new ImageList(answer);
    await list.refresh();
    const targets = list.targets(0, 249);
    await list.ask({ sort: "name", descending: false });
    expect(await targets).toHaveLength(250);
  });
});
