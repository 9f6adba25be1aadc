import { waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";
import { fakeEngine, held, remoteTag } from "../test/engine";
import { RepositoryTags } from "./repository.svelte";

it("asks for no more tags once nobody looks at them, and takes no answer in", async () => {
  const late = held<unknown>();
  const names = Array.from({ length: 60 }, (_, index) => `1.${String(index)}`);
  const engine = fakeEngine({
    list_tags: () => names,
    tag_details: () => late.promise,
    cancel: () => null,
  });
  const tags = new RepositoryTags("a.example/app");
  await tags.load();
  tags.show(0, 60);
  await waitFor(() => {
    expect(engine.asked("tag_details")).toHaveLength(1);
  });
  tags.stop();
  late.settle([remoteTag("1.0")]);
  await late.promise;
  await new Promise((done) => setTimeout(done, 0));
  expect(engine.asked("tag_details")).toHaveLength(1);
  expect(tags.details("1.0")).toBeUndefined();
});
