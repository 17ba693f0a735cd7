import { useEffect, useState } from "react";

const TYPING_PAUSE_MS = 250;

interface Props {
  label: string;
  name: string;
  onChange: (name: string) => void;
}

/** Finds entries of a list by their name; what was typed counts once the typing rests. */
export function NameFilter({ label, name, onChange }: Props) {
  const [typed, setTyped] = useState(name);
  useEffect(() => setTyped(name), [name]);
  useEffect(() => {
    if (typed === name) return undefined;
    const timer = setTimeout(() => onChange(typed), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
    // Not `onChange`: it is new at each turn.
  }, [typed, name]);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder="Find by name"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
