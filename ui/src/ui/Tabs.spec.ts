import { fireEvent, render, screen } from "@testing-library/svelte";
import { createRawSnippet } from "svelte";
import { expect, test, vi } from "vitest";
import Tabs from "./Tabs.svelte";

const TABS = [
  { tab: "one", label: "One" },
  { tab: "two", label: "Two" },
  { tab: "three", label: "Three" },
] as const;

function show(value: string) {
  const onchange = vi.fn<(tab: string) => void>();
  const children = createRawSnippet(() => ({ render: () => "<p>What is in it</p>" }));
  render(Tabs, { label: "Numbers", tabs: TABS, value, onchange, children });
  return onchange;
}

test("only the chosen tab is reached by Tab, and names its panel", () => {
  show("two");
  const chosen = screen.getByRole("tab", { name: "Two" });
  expect(chosen.getAttribute("aria-selected")).toBe("true");
  expect(screen.getAllByRole("tab").map((tab) => tab.tabIndex)).toEqual([-1, 0, -1]);
  expect(screen.getByRole("tabpanel", { name: "Two" }).id).toBe(chosen.getAttribute("aria-controls"));
});

test.each([
  ["ArrowRight", "three", "one"],
  ["ArrowLeft", "one", "three"],
  ["ArrowLeft", "three", "two"],
  ["Home", "three", "one"],
  ["End", "one", "three"],
] as const)("%s from %s goes to %s", async (key, from, to) => {
  const onchange = show(from);
  await fireEvent.keyDown(screen.getByRole("tab", { selected: true }), { key });
  expect(onchange).toHaveBeenCalledExactlyOnceWith(to);
  expect(document.activeElement?.textContent).toBe(TABS.find(({ tab }) => tab === to)?.label);
});

test("other keys are left to whoever wants them", async () => {
  const onchange = show("one");
  const left = await fireEvent.keyDown(screen.getByRole("tab", { name: "One" }), { key: "ArrowDown" });
  expect(left).toBe(true);
  expect(onchange).not.toHaveBeenCalled();
});

test("the chosen tab is brought into sight, and the end that goes on fades", () => {
  const sizes = vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(80);
  const places = vi.spyOn(HTMLElement.prototype, "offsetLeft", "get").mockImplementation(function (
    this: HTMLElement,
  ) {
    return [...(this.parentElement?.children ?? [])].indexOf(this) * 84;
  });
  const room = vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(150);
  const whole = vi.spyOn(Element.prototype, "scrollWidth", "get").mockReturnValue(252);
  show("two");
  const list = screen.getByRole("tablist", { name: "Numbers" });
  expect(list.scrollLeft).toBe(84 + 80 + 28 - 150);
  expect(list).toHaveClass("before", "after");
  for (const spy of [sizes, places, room, whole]) spy.mockRestore();
});
