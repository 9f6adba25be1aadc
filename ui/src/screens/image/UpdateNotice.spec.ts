import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import UpdateNotice from "./UpdateNotice.svelte";

it("leads to what changes in the registry's image, and to its pull", async () => {
  render(UpdateNotice, { props: { target: "sha256:aaaa", names: ["a.example/app:1"] } });
  await userEvent.click(screen.getByRole("button", { name: "What changes in a.example/app:1" }));
  expect(navigation.image).toBe("sha256:aaaa");
  expect(navigation.tab).toBe("compare");
  expect(navigation.compareWith).toEqual({ kind: "registry", name: "a.example/app:1" });
  await userEvent.click(screen.getByRole("button", { name: "Pull a.example/app:1" }));
  expect(dialogs.current).toEqual({ kind: "pull", reference: "a.example/app:1" });
});
