import { useId, useState } from "react";
import type { Json } from "../../graph";
import { layOut, NODE_HEIGHT, type Point } from "./layout";
import { type Part, partsOf, type Stage, summary } from "./parts";
import { Settings } from "./Settings";
import { useWidth } from "./useWidth";

const STAGES: Record<Stage, string> = {
  source: "Source",
  contract: "Contract",
  step: "Step",
  check: "Check",
  acceptance: "Acceptance",
  sink: "Sink",
};
const TEXT_LEFT = 14;
/** Pixels of a letter, generously. */
const KIND_LETTER = 9.5;
const SUMMARY_LETTER = 7;

/** A drawing of what a pipeline does, whose parts show their settings, and the same as a list. */
export function SpecGraph({ spec }: { spec: Json }) {
  const parts = partsOf(spec);
  const [chosenId, setChosenId] = useState<string | null>(null);
  const chosen = parts.find(({ id }) => id === chosenId);
  if (parts.length === 0) return <p>It does nothing yet: its spec has no parts.</p>;
  return (
    <section aria-label="What it does">
      <Drawing parts={parts} chosen={chosenId} onChoose={(id) => setChosenId(id === chosenId ? null : id)} />
      <div role="status">{chosen ? <Details part={chosen} /> : <p className="hint">Choose a part to see all its settings.</p>}</div>
      <AsList parts={parts} />
    </section>
  );
}

interface DrawingProps {
  parts: readonly Part[];
  chosen: string | null;
  onChoose: (id: string) => void;
}

function Drawing({ parts, chosen, onChoose }: DrawingProps) {
  const [box, width] = useWidth<HTMLDivElement>();
  const arrow = useId();
  const { places, ways, partWidth, ...size } = layOut(parts.length, width);
  return (
    <div ref={box} className="spec-graph">
      <svg {...size} role="group" aria-label={`The way of the rows, in ${parts.length} parts`}>
        <defs>
          <marker id={arrow} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path className="arrow-head" d="M0 0 8 4 0 8z" />
          </marker>
        </defs>
        {ways.map((path, place) => {
          const isBeside = isParallel(parts[place], parts[place + 1]);
          return <path key={path} className={isBeside ? "way beside" : "way"} d={path} markerEnd={isBeside ? undefined : `url(#${arrow})`} />;
        })}
        {parts.map((part, place) => (
          <Node
            key={part.id}
            part={part}
            at={places[place] ?? { x: 0, y: 0 }}
            width={partWidth}
            isChosen={part.id === chosen}
            onChoose={onChoose}
          />
        ))}
      </svg>
    </div>
  );
}

/** Rows meet all checks together, and go to all sinks. */
function isParallel(before: Part | undefined, after: Part | undefined): boolean {
  return before?.stage === after?.stage && (after?.stage === "check" || after?.stage === "sink");
}

interface NodeProps {
  part: Part;
  at: Point;
  width: number;
  isChosen: boolean;
  onChoose: (id: string) => void;
}

function Node({ part, at, width, isChosen, onChoose }: NodeProps) {
  const { id, stage, kind, settings } = part;
  const room = width - 2 * TEXT_LEFT;
  const name = cut(kind, Math.floor(room / KIND_LETTER));
  const said = cut(summary(settings), Math.floor(room / SUMMARY_LETTER));
  return (
    <g
      className={`node ${stage}`}
      role="button"
      tabIndex={0}
      aria-pressed={isChosen}
      transform={`translate(${at.x} ${at.y})`}
      onClick={() => onChoose(id)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onChoose(id);
      }}
    >
      <rect className="node-box" width={width} height={NODE_HEIGHT} rx={8} />
      <rect className="node-edge" x={1} y={8} width={4} height={NODE_HEIGHT - 16} rx={2} />
      <text>
        <tspan className="node-stage" x={TEXT_LEFT} y={20}>{STAGES[stage]}</tspan>{" "}
        <tspan className="node-kind" x={TEXT_LEFT} y={41}>{name}</tspan>{" "}
        <tspan className="node-summary" x={TEXT_LEFT} y={61}>{said}</tspan>
      </text>
    </g>
  );
}

function Details({ part }: { part: Part }) {
  return (
    <section className="panel" aria-label={titleOf(part)}>
      <h2>{titleOf(part)}</h2>
      <Settings value={part.settings} />
    </section>
  );
}

function AsList({ parts }: { parts: readonly Part[] }) {
  return (
    <details>
      <summary>The same as a list</summary>
      <ol className="spec-list">
        {parts.map((part) => (
          <li key={part.id}>
            <strong>{titleOf(part)}</strong>
            <Settings value={part.settings} />
          </li>
        ))}
      </ol>
    </details>
  );
}

function titleOf({ stage, kind }: Part): string {
  return kind === stage ? STAGES[stage] : `${STAGES[stage]}: ${kind}`;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
