const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** A size as docker writes it: decimal units, three significant digits ("1.44 GB", "62 MB", "11 B"). */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[unit]}`;
}

/** A whole number with its digits in groups of three: "1 204". */
export function grouped(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** The exact count, for the hover: "1 436 812 301 bytes". */
export function formatBytes(bytes: number): string {
  return `${grouped(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
}

/** A count with its noun: "1 image", "1 204 images". */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** Two sizes in one breath: "318 of 575 MB", or "980 kB of 1.2 MB" where the units differ. */
export function sizeOfSize(current: number, total: number): string {
  const [part, whole] = [formatSize(current), formatSize(total)];
  const unit = whole.slice(whole.lastIndexOf(" "));
  const short = part.endsWith(unit) ? part.slice(0, -unit.length) : part;
  return `${short} of ${whole}`;
}
