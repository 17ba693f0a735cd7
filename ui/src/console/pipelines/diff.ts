/** What changed between two texts, line by line. */

export interface Line {
  change: "same" | "added" | "removed";
  text: string;
}

/** The lines of both texts in order: as few of them as can be are added or removed. */
export function diff(before: string, after: string): Line[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const kept = common(old, now);
  const lines: Line[] = [];
  let [place, next] = [0, 0];
  while (place < old.length || next < now.length) {
    const [was, is] = [old[place], now[next]];
    if (was !== undefined && was === is) {
      lines.push({ change: "same", text: was });
      place++;
      next++;
    } else if (is === undefined || (was !== undefined && kept(place + 1, next) >= kept(place, next + 1))) {
      lines.push({ change: "removed", text: was ?? "" });
      place++;
    } else {
      lines.push({ change: "added", text: is });
      next++;
    }
  }
  return lines;
}

/** How many lines can be kept behind a place in each text: the longest common subsequence. */
function common(old: string[], now: string[]): (place: number, next: number) => number {
  const width = now.length + 1;
  const counts = new Uint32Array((old.length + 1) * width);
  const at = (place: number, next: number) => counts[place * width + next] ?? 0;
  for (let place = old.length - 1; place >= 0; place--)
    for (let next = now.length - 1; next >= 0; next--)
      counts[place * width + next] =
        old[place] === now[next] ? at(place + 1, next + 1) + 1 : Math.max(at(place + 1, next), at(place, next + 1));
  return at;
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
