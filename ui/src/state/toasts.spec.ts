import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toasts } from "./toasts.svelte";

beforeEach(() => {
  vi.useFakeTimers();
  toasts.list = [];
});
afterEach(() => {
  vi.useRealTimers();
});

describe("toasts", () => {
  it("go by themselves", () => {
    toasts.show({ title: "Copied" });
    vi.advanceTimersByTime(5_900);
    expect(toasts.list).toHaveLength(1);
    vi.advanceTimersByTime(200);
    expect(toasts.list).toHaveLength(0);
  });

  it("stay while somebody reads them, and go a while after", () => {
    toasts.show({ title: "Removed 3 images", action: { label: "Undo", run: () => {} } });
    vi.advanceTimersByTime(11_000);
    toasts.pauseAll();
    vi.advanceTimersByTime(60_000);
    expect(toasts.list).toHaveLength(1);
    toasts.resumeAll();
    vi.advanceTimersByTime(1_100);
    expect(toasts.list).toHaveLength(0);
  });

  it("stay for good when they tell of a failure", () => {
    const toast = toasts.show({ title: "The disk is full", tone: "bad" });
    vi.advanceTimersByTime(600_000);
    expect(toasts.list).toEqual([toast]);
    toasts.dismiss(toast);
    expect(toasts.list).toEqual([]);
  });

  it("push the oldest out when there are too many", () => {
    for (const title of ["1", "2", "3", "4", "5"]) toasts.show({ title });
    expect(toasts.list.map((toast) => toast.title)).toEqual(["2", "3", "4", "5"]);
  });

  it("never push out a failure that nobody has read", () => {
    toasts.show({ title: "The disk is full", tone: "bad" });
    for (const title of ["1", "2", "3", "4"]) toasts.show({ title });
    expect(toasts.list.map((toast) => toast.title)).toEqual(["The disk is full", "2", "3", "4"]);
  });
});
