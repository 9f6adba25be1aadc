import { render } from "@testing-library/svelte";
import { expect, test } from "vitest";
import Untrusted from "./Untrusted.svelte";

test("what is cut ends with a whole character", () => {
  const { container } = render(Untrusted, { text: "ab\u{1f600}cd", limit: 3 });
  expect(container.textContent).toBe("ab… show all");
});
