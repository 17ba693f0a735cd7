/** How far something has come: `fraction` from 0 to 1, or null where nobody knows. */
export function Bar({ fraction, label }: { fraction: number | null; label: string }) {
  return <progress className="bar" aria-label={label} max={1} value={fraction ?? undefined} />;
}
