/** Where the parts of a pipeline stand in its drawing: from left to right, and on in the next line. */

export const NODE_HEIGHT = 76;
const LEAST_WIDTH = 208;
const MOST_WIDTH = 320;
const GAP = { x: 44, y: 36 };
/** Room for the lines that lead from the end of one line to the beginning of the next. */
const MARGIN = 18;

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  /** The width of each part. */
  partWidth: number;
  /** The upper left corner of each part. */
  places: Point[];
  /** The way from each part to the next, as SVG's path data. */
  ways: string[];
}

/** Lay `count` parts out in `width` pixels; one below the other where there is no room for two. */
export function layOut(count: number, width: number): Layout {
  const perLine = Math.max(1, Math.floor((width - 2 * MARGIN + GAP.x) / (LEAST_WIDTH + GAP.x)));
  const isColumn = perLine === 1;
  const room = (width - 2 * MARGIN - (perLine - 1) * GAP.x) / perLine;
  const partWidth = Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, room));
  const left = isColumn ? Math.max(0, (width - partWidth) / 2) : MARGIN;
  const places = Array.from({ length: count }, (_, place) => ({
    x: left + (place % perLine) * (partWidth + GAP.x),
    y: 2 + Math.floor(place / perLine) * (NODE_HEIGHT + GAP.y),
  }));
  const lines = Math.ceil(count / perLine);
  return {
    width: Math.max(width, LEAST_WIDTH),
    height: lines * (NODE_HEIGHT + GAP.y) - GAP.y + 4,
    partWidth,
    places,
    ways: places.slice(1).map((to, place) => way(places[place] ?? to, to, partWidth, isColumn)),
  };
}

function way(from: Point, to: Point, partWidth: number, isColumn: boolean): string {
  if (isColumn) return `M${from.x + partWidth / 2} ${from.y + NODE_HEIGHT}V${to.y}`;
  const middle = NODE_HEIGHT / 2;
  if (from.y === to.y) return `M${from.x + partWidth} ${from.y + middle}H${to.x}`;
  const between = from.y + NODE_HEIGHT + GAP.y / 2;
  return `M${from.x + partWidth} ${from.y + middle}h12V${between}H${to.x - 14}V${to.y + middle}H${to.x}`;
}
