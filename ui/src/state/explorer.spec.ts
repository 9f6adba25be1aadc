import { expect, it } from "vitest";
import { fakeEngine, held } from "../test/engine";
import { listedFile } from "../test/files";
import { FileSearch } from "./explorer.svelte";

it("an answer to the words before does not pass for one to those that are being written", async () => {
  const late = held<unknown>();
  const engine = fakeEngine({ search_files: () => late.promise });
  const search = new FileSearch("sha256:aaaa");
  search.type("pass");
  await expect.poll(() => engine.asked("search_files")).toHaveLength(1);
  search.type("passw");
  late.settle({ total: 1, rows: [listedFile("etc/pass")] });
  await late.promise;
  await new Promise((done) => setTimeout(done, 0));
  expect(search.found.pending).toBe(true);
  expect(search.found.total).toBe(0);
});
