import { render, screen } from "@testing-library/svelte";
import { clearMocks } from "@tauri-apps/api/mocks";
import { createRawSnippet } from "svelte";
import ImageFrame from "./ImageFrame.svelte";

afterEach(clearMocks);

const tags = Array.from({ length: 40 }, (_, number) => `2026.${String(number)}`);

function show(pane: boolean): void {
  render(ImageFrame, {
    head: {
      name: "an-extremely-long-name",
      namespace: "registry.example.com:5000/platform/builds",
      tags,
      layers: [],
      facts: "linux/amd64, 9.97 MB, all shared",
    },
    error: null,
    pane,
    tabs: [{ tab: "overview", label: "Overview" }],
    value: "overview",
    onchange: () => {},
    onclose: () => {},
    actions: createRawSnippet(() => ({ render: () => "<button>Push</button>" })),
    children: createRawSnippet(() => ({ render: () => "<p>Below</p>" })),
  });
}

test("the page folds the tags that its one line has no room for, and names them", () => {
  show(false);
  expect(screen.getByText("2026.1")).toBeVisible();
  expect(screen.queryByText("2026.2")).toBeNull();
  expect(screen.getByText("+38").closest("[title]")).toHaveAttribute("title", tags.slice(2).join(", "));
});

test("beside the list more tags have room", () => {
  show(true);
  expect(screen.getByText("2026.5")).toBeVisible();
  expect(screen.getByText("+34")).toBeVisible();
});

test("what is cut short can be read in full", () => {
  show(false);
  for (const text of [
    "an-extremely-long-name",
    "registry.example.com:5000/platform/builds",
    "linux/amd64, 9.97 MB, all shared",
  ]) {
    expect(screen.getByText(text)).toHaveAttribute("title", text);
  }
});
