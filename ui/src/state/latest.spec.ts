import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api";
import { Latest } from "./latest.svelte";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Latest", () => {
  it("asks only the last of several quick questions", async () => {
    const asked: string[] = [];
    const latest = new Latest<string>();
    for (const text of ["d", "de", "deb"]) {
      latest.ask(() => {
        asked.push(text);
        return Promise.resolve(text);
      }, 250);
    }
    await vi.advanceTimersByTimeAsync(250);
    expect(asked).toEqual(["deb"]);
    expect(latest).toMatchObject({ answer: "deb", pending: false });
  });

  it("drops an answer that was overtaken", async () => {
    const latest = new Latest<string>();
    let answerSlowly = (_: string): void => {};
    latest.ask(
      () =>
        new Promise((resolve) => {
          answerSlowly = resolve;
        }),
    );
    latest.ask(() => Promise.resolve("new"));
    await vi.advanceTimersByTimeAsync(0);
    answerSlowly("old");
    await vi.advanceTimersByTimeAsync(0);
    expect(latest.answer).toBe("new");
  });

  it("keeps the refusal and takes the old answer away", async () => {
    const latest = new Latest<string>();
    latest.ask(() => Promise.resolve("fine"));
    await vi.advanceTimersByTimeAsync(0);
    latest.ask(() => Promise.reject(new ApiError("denied", "Denied.", null)));
    await vi.advanceTimersByTimeAsync(0);
    expect(latest.answer).toBeNull();
    expect(latest.error?.code).toBe("denied");
  });

  it("forgets a question that was cleared", async () => {
    const latest = new Latest<string>();
    latest.ask(() => Promise.resolve("late"), 100);
    latest.clear();
    await vi.advanceTimersByTimeAsync(200);
    expect(latest).toMatchObject({ answer: null, pending: false });
  });
});
