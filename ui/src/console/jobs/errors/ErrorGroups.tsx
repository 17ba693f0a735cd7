import { count } from "../../shared/format";
import type { ShownJob } from "../jobQuery";
import type { ErrorFilters } from "./useErrorFilter";

/** As many groups as are shown before one asks for the others. */
const FEW = 8;

interface Props {
  groups: ShownJob["errorSummary"];
  errorFilter: ErrorFilters;
}

/** How many errors there are of each kind, as bars; one that is chosen narrows the rows below to it. */
export function ErrorGroups({ groups, errorFilter }: Props) {
  const most = Math.max(1, ...groups.map((group) => group.count));
  const bars = groups.map((group) => (
    <GroupBar key={[group.code, group.column, group.severity].join()} group={group} most={most} errorFilter={errorFilter} />
  ));
  return (
    <div className="error-groups" role="group" aria-label="Kinds of errors">
      <ul>{bars.slice(0, FEW)}</ul>
      {bars.length > FEW && (
        <details>
          <summary>{bars.length - FEW} further kinds</summary>
          <ul>{bars.slice(FEW)}</ul>
        </details>
      )}
    </div>
  );
}

interface BarProps {
  group: Props["groups"][number];
  most: number;
  errorFilter: ErrorFilters;
}

function GroupBar({ group, most, errorFilter }: BarProps) {
  const isChosen = errorFilter.isChosen(group);
  const isWarning = group.severity === "WARNING";
  return (
    <li>
      <button type="button" className="error-group" aria-pressed={isChosen} onClick={() => errorFilter.choose(isChosen ? null : group)}>
        <span className="error-group-name">
          {group.column ?? <em>whole row</em>} <code>{group.code}</code>{isWarning && " (warning)"}
        </span>
        <span className="error-group-bar" aria-hidden="true">
          <span className={isWarning ? "warn" : "bad"} style={{ width: `${(group.count / most) * 100}%` }} />
        </span>
        <span className="error-group-count">
          {count(group.count)}
          {group.rows !== group.count && <span className="hint"> in {count(group.rows)} rows</span>}
        </span>
      </button>
    </li>
  );
}
