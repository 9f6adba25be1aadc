import { describe, expect, it } from "vitest";
import { strictDocument, withStrictElements } from "./strict_styles";

describe("a document for a library that writes styles", () => {
  it("sets them through the object model, which the policy allows", () => {
    const strict = strictDocument();
    const span = strict.createElement("span");
    span.setAttribute("style", "color: rgb(1, 2, 3);");
    span.setAttribute("class", "row");
    expect(span.style.color).toBe("rgb(1, 2, 3)");
    expect(span.className).toBe("row");
    expect(strict instanceof Document).toBe(true);
    expect(strict.body).toBe(document.body);
  });

  it("is the page's own only as long as that is needed", () => {
    const before = document.createElement("p").setAttribute;
    withStrictElements(() => {
      expect(document.createElement("p").setAttribute).not.toBe(before);
    });
    expect(document.createElement("p").setAttribute).toBe(before);
    expect(() => {
      withStrictElements(() => {
        throw new Error("no room");
      });
    }).toThrow("no room");
    expect(document.createElement("p").setAttribute).toBe(before);
  });
});
