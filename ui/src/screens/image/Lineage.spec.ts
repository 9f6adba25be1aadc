import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { Lineage as Answer, Relative } from "../../api";
import { navigation } from "../../state/navigation.svelte";
import { fakeEngine, imageRow } from "../../test/engine";
import Lineage from "./Lineage.svelte";

function relative(name: string, steps: number, message: string | null = null): Relative {
  const { target, id, names, layers } = imageRow(name);
  return { target, id, names, layers, steps, message };
}

function show(answer: Partial<Answer>): void {
  fakeEngine({ image_lineage: () => ({ parents: [], children: [], baseName: null, ...answer }) });
  render(Lineage, { row: imageRow("app:2"), changes: 0 });
}

beforeEach(() => navigation.closeImage());

describe("the lineage of an image", () => {
  it("goes from what it was made of to what was made of it, with the steps between", async () => {
    show({
      parents: [relative("debian:12", 3, "Added the page"), relative("app:1", 1, "Added the page")],
      children: [relative("app:3", 2, "Next")],
    });
    const items = (await screen.findAllByRole("listitem")).map((item) =>
      item.textContent.replace(/\s+/g, " ").trim(),
    );
    expect(items).toEqual([
      "debian:12",
      "2 steps on top",
      "app:1",
      "1 step on top: Added the page",
      "app:2",
      "2 steps on top: Next",
      "app:3",
    ]);
    await userEvent.click(screen.getByRole("button", { name: "app:1" }));
    expect(navigation.image).toBe(imageRow("app:1").target);
  });

  it("names by its label an image that is not here", async () => {
    show({ baseName: "docker.io/library/debian:12" });
    expect(await screen.findByText(/which is not here/)).toHaveTextContent("docker.io/library/debian:12");
  });

  it("takes no room where there is none", async () => {
    show({});
    await Promise.resolve();
    expect(screen.queryByRole("region", { name: "Lineage" })).toBeNull();
  });
});
