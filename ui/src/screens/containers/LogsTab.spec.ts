import { render, screen, waitFor } from "@testing-library/svelte";
import { expect, it, vi } from "vitest";
import { containerRow } from "../../test/containers";
import { fakeEngine, held, refuse } from "../../test/engine";
import LogsTab from "./LogsTab.svelte";

const started = "2026-11-24T21:29:00Z";
const runs = containerRow({ running: true, status: "running", started });

it("says that there is nothing before the first run", () => {
  fakeEngine({});
  render(LogsTab, { row: containerRow(), onleave: vi.fn() });
  expect(screen.getByRole("heading", { name: "It has not run yet" })).toBeVisible();
});

it("follows a run to its end, and the next one anew", async () => {
  const end = held<null>();
  const fake = fakeEngine({ view_log: () => end.promise, view_drawn: () => null, close_view: () => null });
  const { rerender } = render(LogsTab, { row: runs, onleave: vi.fn() });
  await waitFor(() => {
    expect(fake.asked("view_log")).toHaveLength(1);
  });
  expect(screen.getByText("Nothing was written")).toBeVisible();
  const args = fake.asked("view_log")[0] as { onOutput: { onmessage: (bytes: ArrayBuffer) => void } };
  args.onOutput.onmessage(new TextEncoder().encode("up\n").buffer);
  expect(await screen.findByText("Goes on while it runs")).toBeVisible();
  await waitFor(() => {
    expect(fake.asked("view_drawn")).toMatchObject([{ bytes: 3 }]);
  });
  end.settle(null);
  await rerender({ row: containerRow({ status: "exited", exitCode: 0 }) });
  expect(await screen.findByText("The last of what it wrote")).toBeVisible();
  expect(fake.asked("view_log")).toHaveLength(1);
  await rerender({ row: { ...runs, started: "2026-11-24T22:00:00Z" } });
  await waitFor(() => {
    expect(fake.asked("view_log")).toHaveLength(2);
  });
});

it("says why it cannot be read", async () => {
  fakeEngine({ view_log: () => refuse("io", "The log cannot be read."), close_view: () => null });
  render(LogsTab, { row: runs, onleave: vi.fn() });
  expect(await screen.findByRole("alert")).toHaveTextContent("The log cannot be read.");
});
