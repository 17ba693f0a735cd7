import { useId, useRef } from "react";
import type { Problem } from "./problems";

interface Props {
  label: string;
  value: string;
  onChange: (yaml: string) => void;
  problems: readonly Problem[];
}

/** A spec as text, with what is wrong with it below: each mistake leads to its line. */
export function YamlEditor({ label, value, onChange, problems }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const areaId = useId();
  const problemsId = useId();
  const rows = Math.min(30, Math.max(12, value.split("\n").length + 1));

  function goTo(line: number) {
    const before = value.split("\n").slice(0, line - 1).join("\n");
    const start = line === 1 ? 0 : before.length + 1;
    const end = value.indexOf("\n", start);
    area.current?.focus();
    area.current?.setSelectionRange(start, end < 0 ? value.length : end);
  }

  return (
    <div className="yaml-editor">
      <label htmlFor={areaId}>{label}</label>
      <textarea
        ref={area}
        id={areaId}
        className="mono"
        rows={rows}
        wrap="off"
        spellCheck={false}
        autoCapitalize="off"
        value={value}
        aria-invalid={problems.length > 0}
        aria-describedby={problemsId}
        onChange={(event) => onChange(event.target.value)}
      />
      <div id={problemsId} role="alert">
        {problems.length > 0 && (
          <ul className="problems">
            {problems.map(({ message, place, line }) => (
              <li key={`${place} ${message}`}>
                {line !== null && <button type="button" className="plain" onClick={() => goTo(line)}>Line {line}</button>}
                {place && <code>{place}</code>}
                <span className="fault">{message}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
