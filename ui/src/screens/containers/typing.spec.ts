import { expect, it } from "vitest";
import { held } from "../../test/engine";
import { Typing } from "./typing";

it("sends what is typed in order, and gathers what comes while something is under way", async () => {
  const sent: string[] = [];
  const first = held<void>();
  const typing = new Typing(async (text) => {
    sent.push(text);
    if (sent.length === 1) await first.promise;
  });
  for (const letter of "echo hi\r") typing.type(letter);
  expect(sent).toEqual(["e"]);
  first.settle();
  await first.promise;
  await Promise.resolve();
  expect(sent).toEqual(["e", "cho hi\r"]);
});

it("drops what cannot arrive, and takes what comes later", async () => {
  const sent: string[] = [];
  const typing = new Typing((text) => {
    sent.push(text);
    return Promise.reject(new Error("ended"));
  });
  typing.type("a");
  await Promise.resolve();
  await Promise.resolve();
  typing.type("b");
  await Promise.resolve();
  expect(sent).toEqual(["a", "b"]);
});
