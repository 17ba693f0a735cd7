const SHAPES = {
  gate: "M4 20V5m5.3 15V5m5.4 15V5M20 20V5M3 9h18",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  warning: "M12 4 3 20h18zM12 10v5m0 2.5v.5",
  arrow: "M5 12h14m-6-6 6 6-6 6",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  done: "m5 13 5 5L19 7",
  close: "M6 6l12 12M18 6 6 18",
  download: "M12 4v11m-5-5 5 5 5-5M4 20h16",
} as const;

/** A drawing beside words that say the same: screen readers pass it over. */
export function Icon({ name }: { name: keyof typeof SHAPES }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
