import { expect, it } from "vitest";
import { fakeEngine, held } from "../test/engine";
import { places } from "./places.svelte";

it("an engine's older answer does not win over the newer", async () => {
  const [first, second] = [held<unknown>(), held<unknown>()];
  let asked = 0;
  fakeEngine({ place_state: () => (asked++ === 0 ? first.promise : second.promise) });
  const both = [places.ask("docker"), places.ask("docker")];
  second.settle({ kind: "Docker", version: "2", address: "", images: 2 });
  await both[1];
  first.settle({ kind: "Docker", version: "1", address: "", images: 1 });
  await both[0];
  expect(places.asked("docker")).toMatchObject({ state: { version: "2" }, pending: false });
});
