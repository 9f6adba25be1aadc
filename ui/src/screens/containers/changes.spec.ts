import { describe, expect, it } from "vitest";
import { containerChange, someChanges } from "../../test/containers";
import { bytesOf, changeNodes, Choice, shownNodes, type ChangeNode } from "./changes";

const nodes = changeNodes(someChanges());
const node = (path: string): ChangeNode => {
  const found = nodes.find(({ change }) => change.path === path);
  if (!found) throw new Error(path);
  return found;
};
const paths = (list: ChangeNode[]): string[] => list.map(({ change }) => change.path);

describe("the list of changes", () => {
  it("leaves out folders that only lead to a change, and puts the rest under what was changed too", () => {
    expect(paths(nodes)).toEqual(["etc/app.conf", "etc/motd", "srv/www", "srv/www/index", "srv/www/style"]);
    expect(paths(shownNodes(nodes, new Set()))).toEqual(["etc/app.conf", "etc/motd", "srv/www"]);
    expect(paths(shownNodes(nodes, new Set(["srv/www"])))).toHaveLength(5);
    expect(node("srv/www/index").depth).toBe(1);
  });

  it("does not take the names of other folders for what is in one", () => {
    const list = changeNodes([
      containerChange("a", { kind: "folder" }),
      containerChange("a b", { kind: "folder" }),
      containerChange("a b/x"),
      containerChange("a/x"),
    ]);
    expect(list.map(({ below }) => below.length)).toEqual([1, 1, 0, 0]);
  });

  it("counts the bytes that a change brings", () => {
    expect(bytesOf(node("srv/www"))).toBe(1200);
    expect(bytesOf(node("etc/motd"))).toBe(0);
  });
});

describe("the choice among changes", () => {
  it("is everything at first, which needs no list", () => {
    const all = new Choice();
    expect(all.only(nodes)).toBeNull();
    expect(all.sum(nodes)).toEqual({ count: 5, bytes: 1211 });
  });

  it("takes a folder out with all that is in it", () => {
    const choice = new Choice().with(node("srv/www"), false);
    expect(choice.of(node("srv/www/index"))).toBe("none");
    expect(choice.only(nodes)).toEqual(["etc/app.conf", "etc/motd"]);
    expect(choice.with(node("srv/www"), true).only(nodes)).toBeNull();
  });

  it("names a folder's files one by one where one of them stays out", () => {
    const choice = new Choice().with(node("srv/www/style"), false);
    expect(choice.of(node("srv/www"))).toBe("some");
    expect(choice.only(nodes)).toEqual(["etc/app.conf", "etc/motd", "srv/www/index"]);
    expect(choice.sum(nodes)).toEqual({ count: 4, bytes: 1011 });
  });
});
