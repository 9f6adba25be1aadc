/** One line of a hex dump. */
export interface HexLine {
  offset: string;
  bytes: string;
  text: string;
}

const WIDTH = 16;

/** Bytes as `hexdump -C` shows them: the offset, sixteen bytes in two halves, and what of them is ASCII. */
export function hexLines(bytes: Uint8Array, width = WIDTH): HexLine[] {
  const lines: HexLine[] = [];
  for (let offset = 0; offset < bytes.length; offset += width) {
    const part = [...bytes.slice(offset, offset + width)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, "0"));
    lines.push({
      offset: offset.toString(16).padStart(6, "0"),
      bytes: `${digits.slice(0, width / 2).join(" ")}  ${digits.slice(width / 2).join(" ")}`.trimEnd(),
      text: part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join(""),
    });
  }
  return lines;
}

/** The bytes of a base 64 text. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
