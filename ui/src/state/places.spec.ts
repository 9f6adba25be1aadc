import { beforeEach, expect, it } from "vitest";
import { fakeEngine, held, place } from "../test/engine";
import { places } from "./places.svelte";

const state = { kind: "Docker", version: "20.10.24", address: "unix:///a.sock", images: 1 };

beforeEach(() => {
  places.list = [];
});

it("a context that was added or moved meanwhile is seen, and nobody else is asked again", async () => {
  let list = [place("docker", { address: "unix:///a.sock" }), place("lab", { address: "unix:///b.sock" })];
  const engine = fakeEngine({ places: () => list, place_state: () => state });
  await places.refresh();
  expect(engine.asked("place_state").map(({ place }) => place)).toEqual(["docker", "lab"]);

  await places.lookAgain();
  expect(engine.asked("place_state")).toHaveLength(2);

  list = [
    place("docker", { address: "unix:///a.sock" }),
    place("lab", { address: "unix:///c.sock" }),
    place("far", { address: "ssh://far", remote: true }),
    place("podman", { address: "unix:///p.sock" }),
  ];
  await places.lookAgain();
  expect(places.list).toHaveLength(4);
  const asked = engine.asked("place_state").map(({ place }) => place);
  expect(asked.slice(2)).toEqual(["lab", "podman"]);
});

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
