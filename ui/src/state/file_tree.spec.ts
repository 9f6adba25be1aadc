import { describe, expect, it } from "vitest";
import { fakeEngine, refuse } from "../test/engine";
import { fakeOutline } from "../test/files";
import { FileTree } from "./file_tree.svelte";

const PATHS = ["etc/", "etc/apt/", "etc/apt/sources", "etc/passwd", "srv/", "srv/app"];

async function started(): Promise<{ tree: FileTree; engine: ReturnType<typeof fakeEngine> }> {
  const engine = fakeEngine({ file_outline: fakeOutline(PATHS), find_in_outline: () => 1 });
  const tree = new FileTree("sha256:t");
  tree.start();
  await expect.poll(() => tree.lines.total).toBe(2);
  return { tree, engine };
}

describe("the tree of files", () => {
  it("opens, enters, leaves and closes folders with the arrow keys", async () => {
    const { tree } = await started();
    tree.key("ArrowDown", 10);
    tree.key("ArrowRight", 10);
    await expect.poll(() => tree.lines.total).toBe(4);
    tree.key("ArrowRight", 10);
    expect(tree.file?.file.path).toBe("etc/apt");
    tree.key("ArrowDown", 10);
    expect(tree.file?.file.path).toBe("etc/passwd");
    tree.key("ArrowLeft", 10);
    expect(tree.file?.file.path).toBe("etc");
    tree.key("ArrowLeft", 10);
    await expect.poll(() => tree.lines.total).toBe(2);
    tree.key("End", 10);
    expect(tree.file?.file.path).toBe("srv");
    tree.key("PageUp", 10);
    expect(tree.current).toBe(0);
    expect(tree.key("F5", 10)).toBe(false);
  });

  it("reveals a file by opening the way to it, and keeps that open", async () => {
    const { tree, engine } = await started();
    expect(await tree.reveal("etc/apt/sources")).toBe(true);
    expect(tree.current).toBe(2);
    expect(tree.file?.file.path).toBe("etc/apt/sources");
    await tree.order("size");
    expect(engine.asked("file_outline").at(-1)?.["query"]).toMatchObject({
      open: ["etc/apt", "etc"],
      sort: "size",
    });
    expect(tree.file?.file.path).toBe("etc/apt/sources");
  });

  it("has no current file where another view does not have it", async () => {
    const { tree } = await started();
    await tree.reveal("srv/app");
    fakeEngine({
      file_outline: (args) =>
        args["reveal"] === null ? fakeOutline(["etc/"])(args) : refuse("not_found", "gone"),
    });
    await tree.look({ kind: "layer", layer: 2 });
    expect([tree.current, tree.file, tree.lines.total, tree.lines.error]).toEqual([-1, null, 1, null]);
  });

  it("goes to the name that is typed; quick letters are one word", async () => {
    const { tree, engine } = await started();
    await tree.type("s", 0);
    await tree.type("r", 100);
    await tree.type("e", 5000);
    expect(engine.asked("find_in_outline").map((args) => [args["beginning"], args["start"]])).toEqual([
      ["s", 0],
      ["sr", 1],
      ["e", 2],
    ]);
    expect(tree.file?.file.path).toBe("srv");
  });
});
