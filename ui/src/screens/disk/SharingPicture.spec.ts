import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import type { Sharing } from "../../api";
import { navigation } from "../../state/navigation.svelte";
import SharingPicture from "./SharingPicture.svelte";

function sharing(images: number, changes: Partial<Sharing> = {}): Sharing {
  const targets = Array.from({ length: images }, (_, at) => ({
    target: `sha256:${String(at)}`,
    name: `app:${String(at)}`,
  }));
  return {
    images: targets.map(({ target, name }) => ({
      target,
      name,
      uniqueSize: 5e6,
      sharedSize: 40e6,
      layers: [{ diffId: "sha256:01", size: 40e6, images }],
    })),
    moreImages: 0,
    layers: [{ diffId: "sha256:01", size: 40e6, images, some: targets.slice(0, 8) }],
    moreLayers: 0,
    saved: 40e6 * (images - 1),
    ...changes,
  };
}

describe("the picture of what shares what", () => {
  it("says in words what it draws", async () => {
    render(SharingPicture, { sharing: sharing(5) });
    expect(screen.getByRole("heading", { name: /Images/ })).toHaveTextContent("Sharing saves 160 MB");
    expect(screen.getAllByText("5 MB only here, 40 MB shared")).toHaveLength(5);
    const layer = screen.getByText("5 images").closest("li");
    expect(layer).toHaveTextContent(/40 MB.*app:0.*app:1.*app:2.*\+2/);
    await userEvent.click(screen.getAllByRole("button", { name: "app:1" })[0] as HTMLElement);
    expect(navigation.image).toBe("sha256:1");
  });

  it("shows the first few, then more, and counts the rest", async () => {
    render(SharingPicture, { sharing: sharing(9, { moreImages: 1200 }) });
    expect(screen.getByText("and 1 203 more images")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Show more images" }));
    expect(screen.getByRole("button", { name: "app:8" })).toBeVisible();
    expect(screen.getByText("and 1 200 more images")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Show more images" })).toBeNull();
  });

  it("draws a layer twice that lies there compressed and plain", () => {
    const some = [{ target: "sha256:0", name: "app:0" }];
    const layer = { diffId: "sha256:01", images: 1, some };
    const layers = [
      { ...layer, size: 90e6 },
      { ...layer, size: 40e6 },
    ];
    render(SharingPicture, { sharing: sharing(1, { layers }) });
    expect(screen.getAllByText("one image")).toHaveLength(2);
  });

  it("is empty for an empty store", () => {
    render(SharingPicture, { sharing: sharing(0, { layers: [], saved: 0 }) });
    expect(screen.getByText("No images yet.")).toBeVisible();
  });
});
