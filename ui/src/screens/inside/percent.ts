/** A part as people write it: "91 %", "99.7 %", and "125 %" of what grew. What is not all is never rounded up to all. */
export function percent(part: number | null): string {
  const value = Math.max(0, part ?? 1) * 100;
  if (value === 100) return "100 %";
  const digits = (value >= 99 && value < 100) || value < 10 ? 1 : 0;
  return `${String(Math.floor(value * 10 ** digits) / 10 ** digits)} %`;
}
