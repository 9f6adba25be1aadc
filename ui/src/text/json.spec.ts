import { indentJson, jsonPieces } from "./json";

test("lines are broken as JSON.stringify breaks them", () => {
  const value = { a: [1, { b: null }, []], "c:,{": {}, d: 'say "[x]"\\', e: -1.5e3, f: true };
  expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  expect(indentJson(JSON.stringify(value, null, 4))).toBe(JSON.stringify(value, null, 2));
});

test("what the document says twice or precisely stays, and so does what is no JSON", () => {
  expect(indentJson('{"a":1,"a":12345678901234567890,"b":"\\u0041"}')).toBe(
    '{\n  "a": 1,\n  "a": 12345678901234567890,\n  "b": "\\u0041"\n}',
  );
  expect(indentJson('{"a":')).toBe('{"a":');
  expect(indentJson("7")).toBe("7");
});

it.each([
  ['  "a\\"b": "c:\\u202e",', ["key", "string"]],
  ['  "size": -1.5e+9,', ["key", "number"]],
  ["    null", ["word"]],
  ['  "open": {', ["key"]],
  ["not JSON at all \u202e", []],
])("tells the pieces of %s", (line, kinds) => {
  const pieces = jsonPieces(line);
  expect(pieces.map((piece) => piece.text).join("")).toBe(line);
  expect(pieces.map((piece) => piece.kind).filter((kind) => kind !== "")).toEqual(kinds);
});
