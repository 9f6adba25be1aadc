import { plainUntrusted, splitUntrusted } from "./escapes";

test("control and bidirectional characters become visible escapes", () => {
  expect(plainUntrusted("a\u202eb\u0007")).toBe("a\\u{202e}b\\x07");
  expect(splitUntrusted("a\u200b")).toEqual([
    { text: "a", escaped: false },
    { text: "\\u{200b}", escaped: true },
  ]);
});

test("tabs, line feeds and other languages stay as they are", () => {
  expect(plainUntrusted("a\tb\nשלום 你好")).toBe("a\tb\nשלום 你好");
});
