/** Numbers and moments as people read them, in the browser's language. */

const counts = new Intl.NumberFormat();
const percents = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const times = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** 12345 is 12,345. */
export function count(value: number): string {
  return counts.format(value);
}

/** 0.123 is 12.3%. */
export function percent(fraction: number): string {
  return percents.format(fraction);
}

/** 1,536,000 is 1.5 MB. */
export function bytes(value: number): string {
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3));
  const unit = SIZES[power] ?? "byte";
  const unitDisplay = power === 0 ? "long" : "short"; // the short form of bytes has no plural
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 }).format(value / 1000 ** power);
}

/** 83,000 ms are 1 min 23 s. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** The whole moment, to the second. */
export function moment(at: string): string {
  return moments.format(new Date(at));
}

/** The time of day, to the second; `at` in milliseconds since 1970. */
export function time(at: number): string {
  return times.format(at);
}

/** How long ago that was, roughly. */
export function since(at: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  if (Math.abs(seconds) < 60) return ago.format(seconds, "second");
  if (Math.abs(seconds) < 3600) return ago.format(Math.round(seconds / 60), "minute");
  if (Math.abs(seconds) < 86_400) return ago.format(Math.round(seconds / 3600), "hour");
  return ago.format(Math.round(seconds / 86_400), "day");
}
