const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

/**
 * The age of an RFC 3339 time in one short step: "now", "20 min", "2 h", "3 d", "5 mo", "2 y".
 *
 * Reproducible builds stamp images with year 1 or 1970, which says nothing about their age; those, times in the future
 * and text that is no time give null.
 */
export function formatAge(time: string | null, now: number): string | null {
  if (time === null) return null;
  const then = Date.parse(time);
  if (Number.isNaN(then) || then <= DAY * 1000) return null;
  const seconds = (now - then) / 1000;
  if (seconds < -MINUTE) return null;
  if (seconds < MINUTE) return "now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  if (seconds < MONTH) return `${Math.floor(seconds / DAY)} d`;
  if (seconds < YEAR) return `${Math.floor(seconds / MONTH)} mo`;
  return `${Math.floor(seconds / YEAR)} y`;
}

/** The exact time in the reader's zone and order, for the hover. */
export function formatExact(time: string | null): string {
  if (time === null) return "No date in the image";
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}

/** A time in the reader's zone, short enough for a line of facts: "24 Nov 2026, 21:29". */
export function formatMoment(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Seconds left, as one reads them aloud: "3 s", "2 min", "1 h 5 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.round(whole / MINUTE)} min`;
  const minutes = Math.round((whole % HOUR) / MINUTE);
  return minutes === 0 ? `${Math.floor(whole / HOUR)} h` : `${Math.floor(whole / HOUR)} h ${minutes} min`;
}
