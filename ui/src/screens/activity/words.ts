import { formatSize } from "../../text/size";

/** Two sizes in one breath: "318 of 575 MB", or "980 kB of 1.2 MB" where the units differ. */
export function sizeOfSize(current: number, total: number): string {
  const [part, whole] = [formatSize(current), formatSize(total)];
  const unit = whole.slice(whole.lastIndexOf(" "));
  const short = part.endsWith(unit) ? part.slice(0, -unit.length) : part;
  return `${short} of ${whole}`;
}

/** Whole seconds until a moment, never negative. */
export function secondsUntil(moment: number, now: number): number {
  return Math.max(0, Math.ceil((moment - now) / 1000));
}
