import { waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";
import { comparison } from "../../test/comparison";
import { fakeEngine, held } from "../../test/engine";
import { Comparing } from "./comparing.svelte";

it("the address that was given last is the one that is compared, however long stopping takes", async () => {
  const stops = [held<null>(), held<null>()];
  let stopped = 0;
  const engine = fakeEngine({
    compare: ({ b }) => ((b as { value: string }).value === "app:1" ? held<unknown>().promise : comparison()),
    cancel: () => stops[stopped++]?.promise ?? null,
  });
  const comparing = new Comparing({ kind: "here", value: "sha256:aaaa", label: null });
  comparing.take("app:1");
  await waitFor(() => {
    expect(engine.asked("compare")).toHaveLength(1);
  });
  comparing.take("app:2");
  comparing.take("app:3");
  stops[1]!.settle(null);
  await waitFor(() => {
    expect(comparing.other).toBe("app:3");
  });
  stops[0]!.settle(null);
  await new Promise((done) => setTimeout(done, 0));
  expect(comparing.other).toBe("app:3");
  expect(engine.asked("compare").map(({ b }) => (b as { value: string }).value)).toEqual(["app:1", "app:3"]);
});
