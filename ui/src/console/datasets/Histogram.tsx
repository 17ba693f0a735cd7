import { count } from "../shared/format";
import type { ColumnType } from "./conditions";
import type { Statistics } from "./queries";
import { edge } from "./scale";

type Bin = Statistics["histogram"][number];

const WIDTH = 240;
const HEIGHT = 72;
const GAP = 1;
/** What is there is seen, however little it is beside the highest bar. */
const LEAST_HEIGHT = 1.5;

interface Props {
  name: string;
  type: ColumnType;
  bins: readonly Bin[];
}

/** How many values lie where: one bar a bin. */
export function Histogram({ name, type, bins }: Props) {
  const highest = Math.max(...bins.map((bin) => bin.count));
  const first = bins[0];
  const last = bins.at(-1);
  if (!first || !last) return null;
  return (
    <figure className="histogram">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary(name, type, bins, highest)}>
        {bins.map((bin, place) => <BinBar key={bin.from} bin={bin} type={type} place={place} of={bins.length} highest={highest} />)}
      </svg>
      <figcaption><span>{edge(first.from, type)}</span><span>{edge(last.to, type)}</span></figcaption>
      <details>
        <summary>As a table</summary>
        <table>
          <thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col" className="number">Values</th></tr></thead>
          <tbody>
            {bins.map((bin) => (
              <tr key={bin.from}><td>{edge(bin.from, type)}</td><td>{edge(bin.to, type)}</td><td className="number">{count(bin.count)}</td></tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

interface BarProps {
  bin: Bin;
  type: ColumnType;
  place: number;
  of: number;
  highest: number;
}

function BinBar({ bin, type, place, of, highest }: BarProps) {
  const step = WIDTH / of;
  const height = bin.count === 0 ? 0 : Math.max(LEAST_HEIGHT, (bin.count / highest) * HEIGHT);
  return (
    <g className="bin">
      <title>{`${edge(bin.from, type)} to ${edge(bin.to, type)}: ${count(bin.count)}`}</title>
      <rect className="bin-place" x={place * step} y={0} width={step} height={HEIGHT} />
      <rect className="bin-bar" x={place * step + GAP / 2} y={HEIGHT - height} width={Math.max(GAP, step - GAP)} height={height} />
    </g>
  );
}

function summary(name: string, type: ColumnType, bins: readonly Bin[], highest: number): string {
  const most = bins.find((bin) => bin.count === highest);
  const bars = bins.length === 1 ? "1 bar" : `${bins.length} bars`;
  return `Histogram of ${name} in ${bars}. Most values, ${count(highest)}, lie from ${edge(most?.from ?? 0, type)} to ${edge(most?.to ?? 0, type)}.`;
}
